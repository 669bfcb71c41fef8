"""What people do about incidents."""

from __future__ import annotations

from datetime import datetime

from monitors import audit
from monitors.audit import Act, Item, Subject
from monitors.live.bell import announce
from monitors.models import Incident, IncidentNote
from monitors.transactions import retried_atomic


@retried_atomic
def acknowledge(incident_id: int, *, actor: str, now: datetime) -> bool:
    """Note who takes care of an open incident; the first one counts. False when it has ended or somebody was first."""
    unclaimed = Incident.objects.filter(pk=incident_id, ended_at=None, acknowledged_at=None)
    found = list(unclaimed.values_list("server_id", "host_name"))
    changed = bool(unclaimed.update(acknowledged_by=actor, acknowledged_at=now))
    if changed:
        changes = {"acknowledged_by": ("", actor)}
        items = [Item(incident_id, name, changes) for _server, name in found]
        audit.record(Act.ACKNOWLEDGED, Subject.INCIDENT, items, at=now, actor=actor)
        announce([server_id for server_id, _name in found])
    return changed


@retried_atomic
def add_note(incident: Incident, text: str, *, actor: str, now: datetime) -> None:
    """Keep what somebody wrote down about an incident."""
    IncidentNote.objects.create(incident=incident, author=actor, at=now, text=text)
    items = [Item(incident.pk, incident.host_name, {"note": (None, text)})]
    audit.record(Act.NOTED, Subject.INCIDENT, items, at=now, actor=actor)
    announce([incident.server_id])
