"""Users, groups and the keys to the API. Whoever is no superuser makes nobody more powerful than that."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from monitors import attempts, recording
from monitors.admin.audited import AuditedAdmin
from monitors.admin.base import ExplainingAdmin, RecordAdmin
from monitors.clock import database_now
from monitors.models import ApiToken, LogInFailures, Subject
from monitors.people import held_by, may_hand_on, may_touch, password_link, roles_of

admin.site.unregister(User)
admin.site.unregister(Group)

MOST_LINKS = 5
"""At once: they travel in a cookie."""


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


class PasswordForm(AdminPasswordChangeForm):
    def save(self, commit: bool = True) -> User:
        user: User = self.user
        password = self.cleaned_data["password1"] if self.cleaned_data["set_usable_password"] else None
        recording.set_password(user, password, now=database_now())
        return user


@admin.register(User)
class UserAdmin(DjangoUserAdmin, AuditedAdmin):  # type: ignore[type-arg,misc]  # generic in the stubs alone
    subject = Subject.USER
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = PasswordForm
    explained = {
        "first_name": gettext_lazy("Shown beside the name of the account."),
        "last_name": gettext_lazy("Shown beside the name of the account."),
        "email": gettext_lazy("For people to find each other: the monitor sends no mail."),
        "last_login": gettext_lazy("Kept by the monitor."),
        "date_joined": gettext_lazy("When the account was made."),
    }

    actions = ("make_link",)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Nobody decides about their own roles, and only a superuser hands single permissions out."""
        fields = tuple(super().get_readonly_fields(request, obj))
        if _is_superuser(request):
            return fields
        own = ("groups", "is_staff", "is_active") if obj is not None and obj.pk == request.user.pk else ()
        return (*fields, "is_superuser", "user_permissions", *own)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups" and not _is_superuser(request):
            kwargs["queryset"] = Group.objects.filter(pk__in=[group.pk for group in roles_of(request.user)])
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or may_touch(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or may_touch(request.user, obj))

    @admin.action(description=gettext_lazy("Make a link to set the password"), permissions=["change"])
    def make_link(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Shows it once: it travels in the cookie of the message and is stored nowhere on our side."""
        for user in queryset[:MOST_LINKS]:
            if not user.is_active or not may_touch(request.user, user):
                self.message_user(request, _("You may not do this for %(user)s.") % {"user": user}, messages.ERROR)
                continue
            recording.note_link(user, now=database_now())
            shown = _("The link by which %(user)s sets a password, once, within three days: %(link)s")
            self.message_user(request, shown % {"user": user, "link": password_link(request, user)})


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, AuditedAdmin):  # type: ignore[misc]  # the stubs type get_form
    """Roles: which model permissions belong together."""

    subject = Subject.ROLE
    explained = {"name": gettext_lazy("Of the role. viewer, operator and admin were made by the monitor.")}

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Who has a role could otherwise make it mightier."""
        return super().has_change_permission(request, obj) and self._may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_delete_permission(request, obj) and self._may_touch(request, obj)

    def _may_touch(self, request: HttpRequest, obj: Group | None) -> bool:
        return obj is None or may_hand_on(request.user, obj)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any) -> Any:
        if request is not None and not _is_superuser(request):
            kwargs["queryset"] = held_by(request.user)
        return super().formfield_for_manytomany(db_field, request, **kwargs)


@admin.register(ApiToken)
class ApiTokenAdmin(ExplainingAdmin):
    subject = Subject.TOKEN
    list_display = ("name", "user", "ends_in", "read_only", "created_at", "last_used_at", "expires_at")
    list_filter = ("read_only", "created_at", "last_used_at", "expires_at")
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    ordering = ("-created_at",)

    @admin.display(description=ApiToken._meta.get_field("hint").verbose_name)
    def ends_in(self, obj: ApiToken) -> str:
        return str(obj)

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or may_touch(request.user, obj.user))

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        """A token has all the rights of its user, so only a superuser makes one for somebody else."""
        chosen = ("name", "read_only", "expires_at")
        if obj is None:
            return (*chosen, "user") if _is_superuser(request) else chosen
        return (*chosen, "user", "ends_in", "created_at", "last_used_at")

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        return self.get_fields(request, obj) if obj else ()

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        """Shows the text once. It travels in the cookie of the message and is stored nowhere on our side."""
        user = obj.user if _is_superuser(request) else request.user
        issued, text = recording.issue_token(
            user,  # type: ignore[arg-type]
            obj.name,
            expires_at=obj.expires_at,
            read_only=obj.read_only,
            now=database_now(),
        )
        obj.__dict__.update(issued.__dict__)
        shown = _("The token of %(user)s. Copy it now, it is never shown again: %(token)s")
        self.message_user(request, shown % {"user": user, "token": text})

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        recording.delete_tokens([obj], now=database_now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        recording.delete_tokens(list(queryset.select_related("user")), now=database_now())


@admin.register(LogInFailures)
class LogInFailuresAdmin(RecordAdmin):
    """Who is locked out, or soon will be; to delete a row unlocks."""

    subject = Subject.LOG_IN_FAILURES
    list_display = ("name", "address", "count", "began_at", "locked_until")
    search_fields = ("name", "address")
    ordering = ("-began_at",)
    explained = {
        "name": gettext_lazy("With which it was tried; empty where all names from an address are counted together."),
        "address": gettext_lazy("From where, of IPv6 the network; empty where a name is counted from everywhere."),
        "count": gettext_lazy("Since the first one. Every 15 minutes counting begins anew."),
        "began_at": gettext_lazy("The first of those that are counted."),
        "locked_until": gettext_lazy("Until then every password is refused. To unlock, delete the row."),
    }

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(super(RecordAdmin, self).has_delete_permission(request, obj))

    def delete_model(self, request: HttpRequest, obj: LogInFailures) -> None:
        attempts.forget(LogInFailures.objects.filter(pk=obj.pk), database_now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[LogInFailures]) -> None:
        attempts.forget(queryset, database_now())
