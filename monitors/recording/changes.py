"""What people do to servers. Each change resets what it makes meaningless, and whoever was told of a failure is told
how it ended.

Locks are taken in the same order everywhere, the status rows first (in key order) and then the servers, so that nobody
waits in a circle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

from django.db.models import Exists, F, OuterRef, Value
from django.db.models.functions import Least

from monitors import audit
from monitors.audit import Act, Item, Subject
from monitors.clock import MOST_SKEW, running
from monitors.fields import MILLISECOND, InstantField
from monitors.live.bell import announce
from monitors.models import Incident, LastFailure, Outage, Reason, Server, ServerStatus, StatusTransition
from monitors.recording.news import Change, store
from monitors.schedule import IN_HAND, LATEST_VOID, LOOK_AHEAD, free_after, next_slot, slot_in_hand
from monitors.settings_table import TARGET_COLUMNS
from monitors.status import Health
from monitors.targets import effective_of, policies
from monitors.transactions import retried_atomic

T = TypeVar("T")

CHUNK = 1_000
"""Servers changed in one transaction: short enough for the recorder to get in between."""
FIRST_PROBES = timedelta(milliseconds=2)
"""Distance between the first probes of servers that were added together."""


def save(server: Server, *, actor: str, now: datetime) -> Server:
    """Create or update one server; it must be valid. Whether it is paused is not saved: see `pause` and `resume`.

    Raises IntegrityError when another server has the name.
    """
    if server._state.adding:
        return _insert(server, actor, now)
    _update([server], actor, now)
    return server


@retried_atomic
def _insert(server: Server, actor: str, now: datetime) -> Server:
    server.save(force_insert=True)
    ensure_statuses(now)
    _audit(Act.CREATED, [server], audit.created, actor, now)
    return server


def save_all(servers: Sequence[Server], *, actor: str, now: datetime) -> None:
    """Update valid servers that exist, as `save` does and several times as fast: within the one transaction of a long
    list the recorder waits. Raises IntegrityError when another server has a name."""
    clock = running(now)
    for chunk in _chunks(sorted(servers, key=lambda server: server.pk)):
        _update(chunk, actor, clock())


@retried_atomic
def _update(servers: Sequence[Server], actor: str, now: datetime) -> None:
    ids = [server.pk for server in servers]
    list(ServerStatus.objects.lock(ids))
    before = Server.objects.in_bulk(ids)
    if len(before) < len(ids):
        raise Server.DoesNotExist
    for server in servers:
        was = before[server.pk]
        server.paused, server.paused_reason = was.paused, was.paused_reason
        server.save(force_update=True)
    moved = [server for server in servers if _is_another_target(server, before[server.pk])]
    stayed = set(servers).difference(moved)
    _reset(moved, Reason.EDITED, actor, now, claimed_as=before)
    resting = [server.pk for server in moved if server.paused]
    ServerStatus.objects.filter(server__in=resting).update(next_probe_at=None)
    switched_on = {one for one in stayed if one.notification and not before[one.pk].notification}
    elsewhere = {one for one in stayed if one.environment != before[one.pk].environment}
    _move(elsewhere)
    _tell_again(switched_on, Reason.NOTIFICATION_ON, actor, now)
    _tell_again(elsewhere - switched_on, Reason.EDITED, actor, now)
    _replan(servers, now)
    _audit(Act.CHANGED, servers, lambda server: _edits(before[server.pk], server), actor, now)
    announce(ids)


def _edits(before: Server, server: Server) -> audit.Changes:
    return audit.differences(audit.values(before), audit.values(server))


def _audit(
    act: Act, servers: Iterable[Server], changes: Callable[[Server], audit.Changes], actor: str, now: datetime
) -> None:
    items = [Item(server.pk, str(server), changes(server)) for server in servers]
    audit.record(act, Subject.SERVER, items, at=now, actor=actor)


def _is_another_target(server: Server, before: Server) -> bool:
    return any(getattr(before, name) != getattr(server, name) for name in TARGET_COLUMNS)


def _replan(servers: Sequence[Server], now: datetime) -> None:
    """A shorter interval holds from now on, not from the next probe of the longer one."""
    in_force = policies()
    statuses = ServerStatus.objects.filter(server__in=[server.pk for server in servers], next_probe_at__gt=now)
    columns = ("server_id", "next_probe_at", "last_slot", "claimed_until")
    planned = {row[0]: row[1:] for row in statuses.values_list(*columns)}
    for server in servers:
        interval = effective_of(server, in_force).interval
        slot, *held = planned.get(server.pk, (now,))
        if slot > now + interval + LOOK_AHEAD:
            sooner = next_slot(server.pk, free_after(now, *held), interval)
            ServerStatus.objects.filter(server=server).update(next_probe_at=sooner)


@retried_atomic
def create(servers: Sequence[Server], *, now: datetime) -> None:
    """Insert valid new servers, all or none. Raises IntegrityError when a name exists."""
    Server.objects.bulk_create(servers, batch_size=CHUNK)
    keys = {name: key for key, name in _add_statuses(now)}  # MySQL returns none of a bulk insert
    items = [Item(keys.get(server.host_name, ""), str(server), audit.created(server)) for server in servers]
    audit.record(Act.CREATED, Subject.SERVER, items, at=now)


def ensure_statuses(now: datetime) -> int:
    """Give every server that has none a status row, so that a row that anybody inserted is probed within a tick.
    Returns how many there were."""
    return len(_add_statuses(now))


def _add_statuses(now: datetime) -> list[tuple[int, str]]:
    """The key and the name of each server that had none."""
    missing = Server.objects.filter(~Exists(ServerStatus.objects.filter(server=OuterRef("pk"))))
    rows = list(missing.order_by("id").values_list("id", "paused", "host_name"))
    statuses = [
        ServerStatus(server_id=server_id, next_probe_at=None if paused else now + rank * FIRST_PROBES)
        for rank, (server_id, paused, _name) in enumerate(rows)
    ]
    ServerStatus.objects.bulk_create(statuses, ignore_conflicts=True, batch_size=CHUNK)
    if rows:
        announce([server_id for server_id, *_ in rows])
    return [(server_id, name) for server_id, _paused, name in rows]


def pause(server_ids: Collection[int], *, actor: str, now: datetime, reason: str = "") -> int:
    """Stop probing. Returns how many were not paused before."""
    return _in_chunks(server_ids, now, partial(_pause, actor=actor, reason=reason))


@retried_atomic
def _pause(server_ids: Sequence[int], *, actor: str, reason: str, now: datetime) -> int:
    servers = _locked(server_ids, paused=False)
    _reset(servers, Reason.PAUSED, actor, now, detail=reason)
    ids = [server.pk for server in servers]
    kept = reason[:200] or None
    Server.objects.filter(id__in=ids).update(paused=True, paused_reason=kept, updated_at=now)
    ServerStatus.objects.filter(server__in=ids).update(next_probe_at=None)
    changes = {"paused": (False, True), **({"paused_reason": (None, kept)} if kept else {})}
    _audit(Act.PAUSED, servers, lambda _server: changes, actor, now)
    return len(ids)


def resume(server_ids: Collection[int], *, actor: str, now: datetime) -> int:
    """Probe again, from UNKNOWN on. Returns how many were paused."""
    return _in_chunks(server_ids, now, partial(_resume, actor=actor))


@retried_atomic
def _resume(server_ids: Sequence[int], *, actor: str, now: datetime) -> int:
    servers = _locked(server_ids, paused=True)
    _reset(servers, Reason.RESUMED, actor, now)
    ids = [server.pk for server in servers]
    Server.objects.filter(id__in=ids).update(paused=False, paused_reason=None, updated_at=now)
    after = {"paused": False, "paused_reason": None}
    _audit(Act.RESUMED, servers, lambda server: _against(server, after), actor, now)
    return len(ids)


def _against(server: Server, after: Mapping[str, object]) -> audit.Changes:
    return audit.differences({name: getattr(server, name) for name in after}, after)


def set_notification(server_ids: Collection[int], on: bool, *, actor: str, now: datetime) -> int:
    """Switch telling on or off. Switched on, an outage that goes on is told once. Returns how many changed."""
    return _in_chunks(server_ids, now, partial(_set_notification, on=on, actor=actor))


@retried_atomic
def _set_notification(server_ids: Sequence[int], *, on: bool, actor: str, now: datetime) -> int:
    servers = _locked(server_ids, notification=not on)
    Server.objects.filter(id__in=[server.pk for server in servers]).update(notification=on, updated_at=now)
    for server in servers:
        server.notification = on
    if on:
        _tell_again(servers, Reason.NOTIFICATION_ON, actor, now)
    _audit(Act.CHANGED, servers, lambda _server: {"notification": (not on, on)}, actor, now)
    announce([server.pk for server in servers])
    return len(servers)


def delete(server_ids: Collection[int], *, actor: str, now: datetime) -> int:
    """Delete servers with their status; their history expires by itself. Returns how many there were."""
    return _in_chunks(server_ids, now, partial(_delete, actor=actor))


@retried_atomic
def _delete(server_ids: Sequence[int], *, actor: str, now: datetime) -> int:
    servers = _locked(server_ids)
    _store(servers, Reason.DELETED, actor, now)
    ids = [server.pk for server in servers]
    ServerStatus.objects.filter(server__in=ids).delete()
    Server.objects.filter(id__in=ids).delete()
    _audit(Act.DELETED, servers, audit.deleted, actor, now)
    announce(ids)
    return len(ids)


@retried_atomic
def reap_orphans(now: datetime) -> int:
    """End what belonged to servers whose rows somebody deleted with a statement of their own."""
    orphans = ServerStatus.objects.filter(~Exists(Server.objects.filter(pk=OuterRef("server_id"))))
    found = list(orphans.order_by("server_id").values_list("server_id", flat=True)[:CHUNK])
    rows = list(ServerStatus.objects.lock(found)) if found else []
    incidents = Incident.objects.in_bulk([row.incident_id for row in rows if row.incident_id])
    store(
        [
            Change(
                server_id=row.pk,
                host_name=incident.host_name,
                environment=incident.environment,
                notification=True,
                before=row.health,
                after=Health.UNKNOWN,
                reason=Reason.DELETED,
                at=now,
                incident_id=incident.pk,
                failure=row.failure,
                detail=row.detail,
            )
            for row in rows
            if (incident := incidents.get(row.incident_id or 0))
        ]
    )
    ids = [row.pk for row in rows]
    LastFailure.objects.filter(server__in=ids).delete()
    ServerStatus.objects.filter(server__in=ids).delete()
    return len(rows)


class _OfChunk(Protocol):
    def __call__(self, server_ids: Sequence[int], /, *, now: datetime) -> int: ...


def _in_chunks(server_ids: Collection[int], now: datetime, change: _OfChunk) -> int:
    """Each transaction dates what it changes by itself: what happened in between was before it."""
    clock = running(now)
    return sum(change(chunk, now=clock()) for chunk in _chunks(sorted(set(server_ids))))


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def _locked(server_ids: Sequence[int], **condition: bool) -> list[Server]:
    """The servers that meet `condition`, with their status rows locked."""
    list(ServerStatus.objects.lock(server_ids))
    return list(Server.objects.filter(id__in=server_ids, **condition).order_by("id"))


def _reset(
    servers: Sequence[Server],
    reason: Reason,
    actor: str,
    now: datetime,
    detail: str = "",
    claimed_as: Mapping[int, Server] | None = None,
) -> None:
    """Forget what was known: the health is UNKNOWN, the counters are 0, probes in hand no longer count, and the last
    outcome speaks for the server no longer. `claimed_as` are the servers as they were when they were last handed out,
    where that is not as they are."""
    statuses = _store(servers, reason, actor, now, detail)
    void = _last_void(statuses, claimed_as or {server.pk: server for server in servers}, now)
    ServerStatus.objects.filter(server__in=list(statuses)).update(
        health=Health.UNKNOWN,
        successes=0,
        failures=0,
        inconclusive=0,
        since=now,
        run_began_at=None,
        first_failure="",
        first_detail="",
        failure="",
        detail="",
        certificate_expires_at=None,
        certificate_subject="",
        incident=None,
        last_slot=void,
        next_probe_at=min(void, now + LATEST_VOID) + FIRST_PROBES,
        claimed_until=None,
        known_until=Least(F("known_until"), Value(now, InstantField())),
    )


def _last_void(statuses: Mapping[int, ServerStatus], claimed_as: Mapping[int, Server], now: datetime) -> datetime:
    """The last slot that belongs to before a change at `now`. The claims tell, whatever the clock of who changes."""
    claimed = {id_: status.claimed_until for id_, status in statuses.items() if status.claimed_until}
    in_force = policies() if claimed else None
    slots = [
        slot_in_hand(until, effective_of(claimed_as[id_], in_force).timeout)
        for id_, until in claimed.items()
        if in_force
    ]
    return max([now + IN_HAND, *(slot + MILLISECOND for slot in slots)])


def _store(
    servers: Sequence[Server], reason: Reason, actor: str, now: datetime, detail: str = ""
) -> dict[int, ServerStatus]:
    """Store what the change ends. Returns the status rows as they are before it."""
    statuses = ServerStatus.objects.in_bulk([server.pk for server in servers])
    store(
        [
            Change(
                server_id=server.pk,
                host_name=server.host_name,
                environment=server.environment,
                notification=server.notification,
                before=status.health,
                after=Health.UNKNOWN,
                reason=reason,
                at=_not_before(status, now),
                incident_id=status.incident_id,
                failure=status.failure,
                detail=detail or status.detail,
                actor=actor,
            )
            for server in servers
            if (status := statuses.get(server.pk))
        ]
    )
    return statuses


def _not_before(status: ServerStatus, now: datetime) -> datetime:
    """The instant of a change after what is stored, though that may come from a host whose clock is ahead."""
    known = max(filter(None, (status.since, status.last_checked_at)), default=now)
    return known if now < known <= now + MOST_SKEW else now


def _move(servers: Collection[Server]) -> None:
    """Let the outage that goes on at each of `servers` be one of the environment that the server is in now."""
    for environment in {server.environment for server in servers}:
        ids = [server.pk for server in servers if server.environment == environment]
        Incident.objects.filter(server__in=ids, ended_at=None).update(environment=environment)


def _tell_again(servers: Collection[Server], reason: Reason, actor: str, now: datetime) -> None:
    """Announce the outage that goes on at each of `servers`, now that somebody may want to hear of it who did not."""
    statuses = ServerStatus.objects.filter(server__in=[server.pk for server in servers], incident__isnull=False)
    by_id = {server.pk: server for server in servers}
    StatusTransition.objects.bulk_create(
        StatusTransition(
            server_id=status.pk,
            incident_id=status.incident_id,
            host_name=by_id[status.pk].host_name,
            environment=by_id[status.pk].environment,
            from_health=status.health,
            to_health=status.health,
            reason=reason,
            outage=Outage.ONGOING,
            notification=by_id[status.pk].notification,
            failure=status.failure,
            detail=status.detail,
            actor=actor,
            at=now,
        )
        for status in statuses.order_by("server_id")
    )
