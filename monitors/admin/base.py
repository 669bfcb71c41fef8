"""What the admin pages of all apps have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget

from monitors import kinds
from monitors.admin.help import SHOWN
from monitors.display import instant
from monitors.models import Environment, Subject
from monitors.wording import failure_label

READ_AUDIT = "monitors.view_auditentry"
HEALTH_COLOURS = {
    "HEALTHY": "success",
    "UNHEALTHY": "danger",
    "UNKNOWN": "info",
    "STALE": "info",
    "PAUSED": "warning",
}


class ExplainingAdmin(ModelAdmin):
    """Says of each field what it means: also of those that are only shown, and of those whose model says nothing."""

    shown: Mapping[str, Any] = SHOWN
    """Help by name, for all admins of an app; what a field's model says goes before."""
    explained: Mapping[str, Any] = {}
    """Help by name, for this one."""
    subject: Subject | None = None
    """What the audit log calls it; None for what nobody changes."""

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any) -> Any:
        help_texts = {**self._help_of_model(), **self.explained, **kwargs.pop("help_texts", {})}
        return super().get_form(request, obj, change=change, help_texts=help_texts, **kwargs)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        context["show_history"] = self.subject is not None and request.user.has_perm(READ_AUDIT)
        return super().render_change_form(request, context, *args, **kwargs)

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Raises BadRequest for rows chosen by what is no key: the database could not be asked for them."""
        try:
            for chosen in request.POST.getlist(ACTION_CHECKBOX_NAME):
                self.opts.pk.clean(chosen, None)
        except ValidationError as error:
            raise BadRequest("; ".join(error.messages)) from None
        return super().response_action(request, queryset)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """What the audit log says of it, also of what is deleted."""
        if not request.user.has_perm(READ_AUDIT):
            raise PermissionDenied
        if self.subject is None:
            raise Http404
        query = urlencode({"subject_kind": self.subject.value, "subject_id": unquote(object_id)})
        return HttpResponseRedirect(f"{reverse('monitors:audit')}?{query}")

    # Django keeps a log of its own, of the admin alone: ours has all that it would say.

    def log_addition(self, *_args: Any) -> None:
        pass

    def log_change(self, *_args: Any) -> None:
        pass

    def log_deletions(self, *_args: Any) -> None:
        pass

    def _help_of_model(self) -> dict[str, Any]:
        own = {field.name: getattr(field, "help_text", "") for field in self.model._meta.get_fields()}
        return {**self.shown, **{name: text for name, text in own.items() if text}}


class RecordAdmin(ExplainingAdmin):
    """What the monitor itself writes: to be read, never to be edited or deleted by hand."""

    def has_add_permission(self, request: HttpRequest, *_args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class SecretTextarea(UnfoldAdminTextareaWidget):
    """Takes a secret and shows none: not the stored one, and not the one just typed when another field is wrong."""

    def format_value(self, value: Any) -> str:
        return ""


def instant_column(field: str, title: Any) -> Callable[[Model], str]:
    """A column for an instant that is stored as a number, which Django would show as one."""

    @admin.display(description=title, ordering=field, empty_value="–")
    def column(obj: Model) -> str:
        value: datetime | None = getattr(obj, field)
        return instant(value)

    column.__name__ = field  # by which its help is found
    return column


def actor(request: HttpRequest) -> str:
    """Who did it, for the history."""
    return str(request.user.get_username())


class ChoiceFilter(admin.SimpleListFilter):
    """A filter with fixed choices. Django's own asks the table which values it holds, and reads all of it for that."""

    field = ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.field: self.value()}) if self.value() else queryset


class FailureFilter(ChoiceFilter):
    title = _("failure")
    parameter_name = field = "failure"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return sorted(((str(kind), failure_label(kind)) for kind in kinds.failures()), key=lambda choice: choice[1])


class EnvironmentFilter(ChoiceFilter):
    title = _("environment")
    parameter_name = field = "environment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return Environment.choices
