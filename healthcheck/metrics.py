"""What `/metrics` tells Prometheus. Read from the database at each scrape, so that every web process tells the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Sum
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from healthcheck import readiness
from monitors.models import Gap, Heartbeat, Incident, Rollup, Server
from monitors.models.server import HEALTH_ORDER, Environment
from monitors.skew import PREFIX
from monitors.spans import downtime
from notifications.models import Channel, Delivery, Guarantee, Kind
from notifications.outbox import counting
from notifications.outbox.counting import Counted
from notifications.transports import is_cut_off
from notifications.transports.slack.socket.counting import counted as presses_counted
from notifications.transports.slack.socket.state import CONNECTED, OFF, standing

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MOST_DELIVERIES = 10_000
"""Of the last hour, for the quantiles."""
NEWS = (Kind.FAILURE, Kind.RECOVERY, Kind.ENDED, Kind.ONGOING, Kind.STORM, Kind.STORM_END)
EVER = {
    Counted.SENT: "Messages that Slack has accepted, ever.",
    Counted.RETRIED: "Attempts beyond each message's first, ever.",
    Counted.FOUND: "Messages whose answer from Slack was lost, and which were found in the channel, ever.",
    Counted.REPEATED: "Messages that were sent again without knowing whether they had arrived, ever.",
    Counted.FAILED: "Messages that were given up, ever.",
}
QUANTILES = (0.5, 0.95, 0.99, 1.0)


def render(now: datetime) -> bytes:
    """The metrics in Prometheus' text format. Raises the database's errors."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(now))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, now: datetime) -> None:
        self._now = now

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering asks the database nothing."""
        return ()

    def collect(self) -> Iterator[Metric]:
        yield _gauge("info", "Always 1.", [((settings.VERSION,), 1)], "version")
        yield _servers()
        yield from _pulse(self._now)
        yield from _outcomes(self._now)
        yield from _channels()
        yield from _deliveries(self._now)
        yield from _buttons(self._now)


def _gauge(name: str, text: str, samples: Iterable[tuple[tuple[str, ...], float]], *labels: str) -> Metric:
    family = GaugeMetricFamily(f"healthcheck_{name}", text, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def _servers() -> Metric:
    counted = dict.fromkeys(product(Environment.values, HEALTH_ORDER), 0)
    rows: Any = Server.objects.with_health().order_by()  # the plugin does not see its annotations
    for row in rows.values("environment", "shown_health").annotate(count=Count("id")):
        counted[row["environment"], row["shown_health"]] += row["count"]
    return _gauge("servers", "Registered servers.", counted.items(), "environment", "health")


def _pulse(now: datetime) -> Iterator[Metric]:
    """Whether the monitor itself is well."""
    every = list(Heartbeat.objects.order_by("name"))
    beats = [((beat.name,), max(0.0, (now - beat.at).total_seconds())) for beat in every if beat.skew_seconds is None]
    yield _gauge("heartbeat_age_seconds", "Since a part of the monitor last did its work.", beats, "part")
    clocks = [
        ((beat.name.removeprefix(PREFIX),), seconds) for beat in every if (seconds := beat.skew_seconds) is not None
    ]
    yield _gauge("clock_ahead_seconds", "How far a host's clock is ahead of the database's.", clocks, "part")
    yield _age("oldest_overdue_probe_seconds", "Longest wait of a due server.", readiness.overdue_probe(now))
    yield _age("last_outcome_age_seconds", "Since any server was looked at.", readiness.last_outcome_age(now))
    gaps = Gap.objects.filter(ended_at__gte=now - DAY).values_list("began_at", "ended_at")
    blind = downtime(gaps, now - DAY, now).total_seconds()
    yield _gauge("blind_seconds_last_day", "Time of the last 24 h in which nothing was probed.", [((), blind)])


def _age(name: str, text: str, age: timedelta | None) -> Metric:
    return _gauge(name, text, [] if age is None else [((), age.total_seconds())])


def _outcomes(now: datetime) -> Iterator[Metric]:
    minute = now.replace(second=0, microsecond=0) - timedelta(minutes=1)
    kinds = ("succeeded", "failed", "inconclusive")
    sums: dict[str, Any] = Rollup.objects.filter(resolution=Rollup.MINUTE, start=minute).aggregate(
        **{kind: Sum(kind) for kind in kinds}
    )
    samples = [((kind,), sums[kind] or 0) for kind in kinds]
    yield _gauge("outcomes_last_minute", "Outcomes of the last full minute.", samples, "outcome")
    yield _gauge("open_incidents", "Outages going on.", [((), Incident.objects.filter(ended_at=None).count())])


def _channels() -> Iterator[Metric]:
    names = {Guarantee.UNCHECKED.value: "unchecked"}
    counted = Counter({(names.get(value, value),): 0 for value in Guarantee.values})
    channels = list(Channel.objects.enabled())
    counted.update((names.get(channel.guarantee or "", channel.guarantee or ""),) for channel in channels)
    yield _gauge("channels", "Channels that receive alerts.", counted.items(), "guarantee")
    yield _gauge(
        "channels_cut_off", "Channels that should receive alerts and cannot.", [((), sum(map(is_cut_off, channels)))]
    )


def _deliveries(now: datetime) -> Iterator[Metric]:
    kept = counting.by_state()
    yield _gauge("deliveries", "Kept messages.", (((state,), count) for state, count in kept.items()), "state")
    for name, count in counting.ever().items():
        yield CounterMetricFamily(f"healthcheck_deliveries_{name}", EVER[name], value=count)
    pending = readiness.pending_delivery_age(now)
    yield _age("oldest_pending_delivery_seconds", "Since the oldest news that are not told yet.", pending)
    seconds = _delivery_seconds(now)
    samples = [((str(share),), seconds[round(share * (len(seconds) - 1))]) for share in QUANTILES if seconds]
    text = "From a status change to Slack's acceptance, of the news of the last hour."
    yield _gauge("delivery_seconds", text, samples, "quantile")


def _delivery_seconds(now: datetime) -> list[float]:
    """Sorted; of news alone, and not of what was late before it was made, such as a test or a summary."""
    recent = Delivery.objects.filter(created_at__gte=now - HOUR, seconds__isnull=False, kind__in=NEWS)
    latest = recent.order_by(F("created_at").desc()).values_list("seconds", flat=True)
    return sorted(value or 0.0 for value in latest[:MOST_DELIVERIES])


def _buttons(now: datetime) -> Iterator[Metric]:
    code = standing(now).code
    text = "1 when presses of buttons in Slack arrive, 0 when they do not; nothing without an app-level token."
    samples = [] if code == OFF else [((), float(code == CONNECTED))]
    yield _gauge("slack_socket_connected", text, samples)
    presses = CounterMetricFamily(
        "healthcheck_slack_presses", "Presses of buttons in Slack, ever.", labels=("action", "outcome")
    )
    for labels, count in presses_counted().items():
        presses.add_metric(labels, count)
    yield presses
