"""Changes of the defaults of an environment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from monitors import audit
from monitors.audit import Act, Item, Subject
from monitors.models import Policy
from monitors.transactions import retried_atomic


@retried_atomic
def change_policy(environment: str, changes: Mapping[str, Any], *, actor: str, now: datetime) -> None:
    """Write these valid columns and no other: two changes at once are both kept."""
    stored = Policy.objects.select_for_update().get(pk=environment)
    Policy.objects.filter(pk=environment).update(**changes)
    before = {name: getattr(stored, name) for name in changes}
    items = [Item(environment, environment, audit.differences(before, changes))]
    audit.record(Act.CHANGED, Subject.POLICY, items, at=now, actor=actor)
