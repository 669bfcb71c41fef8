"""How a storm stands, counted by the database: ten thousand members cost no more memory here than ten."""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Count, Max, Min, QuerySet

from monitors.models import Incident, Reason, Server
from notifications import wording
from notifications.models import Storm
from notifications.outbox.grouping import members

MOST_NAMES = 10
SAMPLE = 50
"""Addresses looked at for a host that all may share."""
NEARLY_ALL = 0.9
"""What fewer of those that are down share is not worth mentioning."""


def survey(storm: Storm) -> wording.Storm:
    """The storm as its message tells it. Raises Storm.DoesNotExist when none of its outages is kept."""
    told = members(storm.pk)
    going_on = told.filter(ended_at=None)
    sums = told.aggregate(struck=Count("server_id", distinct=True), began_at=Min("began_at"), over_at=Max("ended_at"))
    if not sums["struck"]:
        raise Storm.DoesNotExist
    down = going_on.count()
    ended_at = None if down else sums["over_at"] or storm.ended_at
    down_in_all = max(down, Incident.objects.filter(ended_at=None, environment=storm.environment).count())
    watched = Server.objects.active().filter(environment=storm.environment).count()
    sample = list(going_on.order_by("began_at", "pk").values_list("host_name", "address")[:SAMPLE]) if down else []
    host = _shared_host(going_on, [_host(address) for _, address in sample], down)
    address = _shared(going_on.exclude(peer=""), "peer", down)
    endings = Counter[str]() if down else _endings(told)
    query = urlencode({"environment": storm.environment, "health": "UNHEALTHY"})
    return wording.Storm(
        storm_id=storm.pk,
        environment=storm.environment,
        watched=max(watched, down_in_all),
        struck=sums["struck"],
        down=down,
        down_in_all=down_in_all,
        began_at=sums["began_at"],
        ended_at=ended_at,
        names=tuple(name for name, _ in sample[:MOST_NAMES]),
        failure=_shared(going_on, "failure", down),
        host=host,
        address=None if host and address and address.value in host.value else address,
        recovered=endings[Reason.OUTCOMES],
        paused=endings[Reason.PAUSED],
        deleted=endings[Reason.DELETED],
        link=f"{settings.SITE_URL}/?{query}",
    )


def _endings(told: QuerySet[Incident]) -> Counter[str]:
    """How many servers ended how; of one that was down twice, how it ended at last."""
    last = told.values("server_id").annotate(last=Max("pk")).values("last")
    ended = Incident.objects.filter(pk__in=last).values_list("end_reason")
    return Counter(dict(ended.annotate(number=Count("pk")).order_by()))


def _shared(going_on: QuerySet[Incident], column: str, down: int) -> wording.Shared | None:
    if down < 2:
        return None
    counted = going_on.values_list(column).annotate(number=Count("pk")).order_by("-number", column)
    value, count = counted.first() or ("", 0)
    return _worth_mentioning(value, count, down)


def _worth_mentioning(value: str, count: int, down: int) -> wording.Shared | None:
    return wording.Shared(value, min(count, down)) if count >= NEARLY_ALL * down else None


def _host(address: str) -> str:
    """With its port: `example.com:443` of `https://example.com:443/path`."""
    return address.partition("://")[2].partition("/")[0]


def _shared_host(going_on: QuerySet[Incident], sample: list[str], down: int) -> wording.Shared | None:
    """What nearly all share is the most frequent in any part of them; the database says how many do."""
    if down < 2 or not sample:
        return None
    with_port = Counter(sample).most_common(1)[0][0]
    count = going_on.filter(address__contains=f"://{with_port}/").count()
    if found := _worth_mentioning(with_port, count, down):
        return found
    host = Counter(name.rpartition(":")[0] for name in sample).most_common(1)[0][0]
    return _worth_mentioning(host, going_on.filter(address__contains=f"://{host}:").count(), down) if host else None
