"""What becomes of a row, in words. No secret is in them."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitors import concealing
from monitors.seeding.planning import Action, Entry
from monitors.seeding.rows import printable

ACTIONS: dict[Action, Promise] = {
    Action.CREATED: gettext_lazy("created"),
    Action.UPDATED: gettext_lazy("updated"),
    Action.UNCHANGED: gettext_lazy("unchanged"),
    Action.REJECTED: gettext_lazy("rejected"),
}


def name_of(entry: Entry) -> str:
    return printable(entry.name) or _("(no name)")


def details_of(entry: Entry) -> list[str]:
    """What changes, or what is wrong: `port 80 → 443`, `port: must be a whole number`."""
    changes = [_change(key, *values) for key, values in entry.changes.items()]
    problems = [
        f"{problem.field}: {problem.message}" if problem.field else problem.message for problem in entry.problems
    ]
    return changes + problems


def _change(key: str, old: object, new: object) -> str:
    if key == "request_headers":
        return key  # their values are secrets
    if key in concealing.COLUMNS:
        old, new = (concealing.masked(key, value) for value in (old, new))
    shown = [printable(_("inherited") if value is None else str(value)) for value in (old, new)]
    return f"{key} {shown[0]} → {shown[1]}"
