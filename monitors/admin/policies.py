"""The defaults of each environment, with what stands behind an empty field."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from monitors import recording
from monitors.admin.base import ExplainingAdmin, actor
from monitors.clock import database_now
from monitors.models import Policy, Subject
from monitors.targets import variables

VARIABLES = {
    "interval_seconds": "PROBE_INTERVAL_SECONDS",
    "timeout_seconds": "PROBE_TIMEOUT_SECONDS",
    "healthy_threshold": "HEALTHY_THRESHOLD",
    "unhealthy_threshold": "UNHEALTHY_THRESHOLD",
}


@admin.register(Policy)
class PolicyAdmin(ExplainingAdmin):
    """The four rows are made by a migration: none is added, none deleted."""

    subject = Subject.POLICY
    list_display = ("environment", "interval", "timeout", "to_recover", "to_alarm")
    readonly_fields = ("environment",)
    fields = ("environment", *VARIABLES)
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
        if db_field.name in VARIABLES:
            inherited = _("Inherited: %(value)g, from %(variable)s.") % {
                "value": getattr(variables(), db_field.name),
                "variable": VARIABLES[db_field.name],
            }
            field.help_text = f"{field.help_text} {inherited}"
        return field

    @display(description=gettext_lazy("interval (s)"))
    def interval(self, obj: Policy) -> str:
        return _shown(obj, "interval_seconds")

    @display(description=gettext_lazy("timeout (s)"))
    def timeout(self, obj: Policy) -> str:
        return _shown(obj, "timeout_seconds")

    @display(description=gettext_lazy("successes to recover"))
    def to_recover(self, obj: Policy) -> str:
        return _shown(obj, "healthy_threshold")

    @display(description=gettext_lazy("failures to alarm"))
    def to_alarm(self, obj: Policy) -> str:
        return _shown(obj, "unhealthy_threshold")


def _shown(policy: Policy, name: str) -> str:
    own = getattr(policy, name)
    if own is None:
        return _("%(value)g (inherited)") % {"value": getattr(variables(), name)}
    return f"{own:g}" if isinstance(own, int | float) else str(own)
