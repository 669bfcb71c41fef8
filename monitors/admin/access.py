"""Users, groups and the keys to the API. Whoever is no superuser makes nobody more powerful than that."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from monitors import recording
from monitors.admin.audited import AuditedAdmin
from monitors.admin.base import ExplainingAdmin
from monitors.clock import database_now
from monitors.models import ApiToken, Subject

admin.site.unregister(User)
admin.site.unregister(Group)


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, AuditedAdmin):  # type: ignore[type-arg,misc]  # generic in the stubs alone
    subject = Subject.USER
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    explained = {
        "first_name": gettext_lazy("Shown beside the name of the account."),
        "last_name": gettext_lazy("Shown beside the name of the account."),
        "email": gettext_lazy("For people to find each other: the monitor sends no mail."),
        "last_login": gettext_lazy("Kept by the monitor."),
        "date_joined": gettext_lazy("When the account was made."),
    }

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if _is_superuser(request) else (*fields, "is_superuser", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and self._may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and self._may_touch(request, obj)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponseBase:  # noqa: A002
        view = partial(super().user_change_password, request, id, form_url)
        return self.audited(id, view) if request.method == "POST" else view()

    def _may_touch(self, request: HttpRequest, obj: User | None) -> bool:
        return obj is None or not obj.is_superuser or _is_superuser(request)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, AuditedAdmin):  # type: ignore[misc]  # the stubs type get_form
    """Roles: which model permissions belong together."""

    subject = Subject.ROLE
    explained = {"name": gettext_lazy("Of the role. viewer, operator and admin were made by the monitor.")}


@admin.register(ApiToken)
class ApiTokenAdmin(ExplainingAdmin):
    list_display = ("name", "user", "ends_in", "created_at", "last_used_at")
    list_filter = ("created_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    ordering = ("-created_at",)

    @admin.display(description=ApiToken._meta.get_field("hint").verbose_name)
    def ends_in(self, obj: ApiToken) -> str:
        return str(obj)

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        """A token has all the rights of its user, so only a superuser makes one for somebody else."""
        if obj is None:
            return ("name", "user") if _is_superuser(request) else ("name",)
        return ("name", "user", "ends_in", "created_at", "last_used_at")

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        return self.get_fields(request, obj) if obj else ()

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        """Shows the text once. It travels in the cookie of the message and is stored nowhere on our side."""
        user = obj.user if _is_superuser(request) else request.user
        issued, text = recording.issue_token(user, obj.name, now=database_now())  # type: ignore[arg-type]
        obj.__dict__.update(issued.__dict__)
        shown = _("The token of %(user)s. Copy it now, it is never shown again: %(token)s")
        self.message_user(request, shown % {"user": user, "token": text})

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        recording.delete_tokens([obj], now=database_now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        recording.delete_tokens(list(queryset.select_related("user")), now=database_now())
