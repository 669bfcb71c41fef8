"""Transitions and incidents, written in bulk: a constant number of statements however many servers changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db.models import F, Q
from django.db.models.functions import Least

from monitors.live.bell import announce
from monitors.models import Incident, Outage, Reason, StatusTransition
from monitors.status import Health

LONGEST_ADDRESS = Incident._meta.get_field("address").max_length
"""In characters. A path of 500 letters of Korean is three times that when it is encoded."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the probe met that completed a failing run."""

    status: int | None = None
    peer: str = ""
    stages: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one server's status, not stored yet."""

    server_id: int
    host_name: str
    environment: str
    notification: bool
    before: str
    after: str
    reason: Reason
    at: datetime
    incident_id: int | None
    """The incident that was open before the change."""
    began_at: datetime | None = None
    """When the outage began, or ended for a recovery; `at` when None."""
    failure: str = ""
    detail: str = ""
    actor: str = ""
    address: str = ""
    evidence: Evidence = Evidence()

    @property
    def opens(self) -> bool:
        """Unhealthy while an incident is open already (the monitor was blind in between) is the same outage."""
        return self.after == Health.UNHEALTHY and self.before != self.after and self.incident_id is None

    @property
    def closes(self) -> bool:
        """A monitor that goes blind does not end an outage."""
        return self.incident_id is not None and self.after != Health.UNHEALTHY and self.reason != Reason.INCONCLUSIVE

    @property
    def outage(self) -> Outage | str:
        if self.opens:
            return Outage.BEGAN
        if self.closes:
            return Outage.ENDED
        return Outage.ONGOING if self.reason == Reason.NOTIFICATION_ON else ""


def store(changes: Sequence[Change]) -> Mapping[int, int | None]:
    """Store `changes` (at most one for each server), opening and closing incidents. Returns the incident that is open
    now for each server that changed. Needs the lock on their status rows."""
    if not changes:
        return {}
    opened = _open([change for change in changes if change.opens])
    _close([change for change in changes if change.closes])
    incident_of = {change.server_id: opened.get(change.server_id, change.incident_id) for change in changes}
    StatusTransition.objects.bulk_create(
        StatusTransition(
            server_id=change.server_id,
            incident_id=incident_of[change.server_id],
            host_name=change.host_name,
            environment=change.environment,
            from_health=change.before,
            to_health=change.after,
            reason=change.reason,
            outage=change.outage,
            notification=bool(change.notification),  # a stranger's SQL may have stored 2
            failure=change.failure,
            detail=change.detail,
            actor=change.actor,
            at=change.at,
        )
        for change in changes
    )
    announce([change.server_id for change in changes])
    closed = {change.server_id for change in changes if change.closes}
    return {id_: None if id_ in closed else incident for id_, incident in incident_of.items()}


def _open(changes: Sequence[Change]) -> dict[int, int]:
    if not changes:
        return {}
    Incident.objects.bulk_create(
        Incident(
            server_id=change.server_id,
            host_name=change.host_name,
            environment=change.environment,
            address=change.address[:LONGEST_ADDRESS],
            failure=change.failure,
            detail=change.detail,
            began_at=change.began_at or change.at,
            confirmed_at=change.at,
            **asdict(change.evidence),
        )
        for change in changes
    )
    # MySQL returns no keys of a bulk insert. A server has one open incident at most: we hold its lock.
    found = Incident.objects.filter(server__in=[change.server_id for change in changes], ended_at=None)
    return dict(found.order_by("id").values_list("server_id", "id"))


def _close(changes: Iterable[Change]) -> None:
    ended = [
        Incident(id=change.incident_id, ended_at=change.began_at or change.at, end_reason=change.reason)
        for change in changes
    ]
    if ended:
        Incident.objects.bulk_update(ended, ["ended_at", "end_reason"])
        _keep_in_order([incident.pk for incident in ended])


def _keep_in_order(incident_ids: Sequence[int]) -> None:
    """No outage ends before it began, though a clock that was wrong may have dated its beginning."""
    late = Q(began_at__gt=F("ended_at")) | Q(confirmed_at__gt=F("ended_at"))
    Incident.objects.filter(late, pk__in=incident_ids).update(
        began_at=Least("began_at", "ended_at"), confirmed_at=Least("confirmed_at", "ended_at")
    )
