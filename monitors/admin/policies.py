"""The defaults of each environment, with what stands behind an empty field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitors import recording
from monitors.admin.base import ExplainingAdmin, actor
from monitors.clock import database_now
from monitors.display import number_words
from monitors.models import Policy, Subject
from monitors.policy import RULES
from monitors.targets import variables


def _column(name: str) -> Callable[[Policy], str]:
    def column(obj: Policy) -> str:
        own = getattr(obj, name)
        if own is None:
            return _("%(value)s (inherited)") % {"value": number_words(getattr(variables(), name))}
        return f"{own:g}" if isinstance(own, int | float) else str(own)

    column.__name__ = f"shown_{name}"
    column.short_description = Policy._meta.get_field(name).verbose_name  # type: ignore[attr-defined,union-attr]
    return column


@admin.register(Policy)
class PolicyAdmin(ExplainingAdmin):
    """The four rows are made by a migration: none is added, none deleted."""

    subject = Subject.POLICY
    list_display = ("environment", *map(_column, RULES))
    readonly_fields = ("environment",)
    fields = ("environment", *RULES)
    explained = {"environment": gettext_lazy("Whose servers inherit what is set here.")}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Policy | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Policy, form: Any, change: bool) -> None:
        """What was not changed on the page stays as it is, whoever else changes it."""
        changes = {name: getattr(obj, name) for name in form.changed_data}
        recording.change_policy(obj.pk, changes, actor=actor(request), now=database_now())

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in RULES:
            inherited = _("Inherited: %(value)s, from %(variable)s.") % {
                "value": number_words(getattr(variables(), db_field.name)),
                "variable": RULES[db_field.name].variable,
            }
            field.help_text = f"{field.help_text} {inherited}"
        return field
