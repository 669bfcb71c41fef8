"""The demonstration's rows in the database: made in an empty one, taken away when nobody wants them any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from healthcheck import settings
from healthcheck.demo import plan
from monitors import kinds, recording
from monitors.models import Server, StatusTransition
from notifications import outbox
from notifications.models import Channel


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What to tell about the demonstration, and the variables that its processes need."""

    servers: int
    page: str | None = None
    variables: dict[str, str] = field(default_factory=dict)


def prepare(now: datetime) -> Demonstration | None:
    """Make, keep or remove the demonstration; None where there is none.

    Only the embedded database gets one, and only if it never held a server. DEMO=0 removes it, and a SLACK_BOT_TOKEN
    removes its channel: then messages go to the real Slack.
    """
    if not settings.EMBEDDED:
        return None
    wanted = settings.DEMO
    page_wanted = wanted and not settings.SLACK_BOT_TOKEN and not settings.env.given("SLACK_API_URL")
    ports = plan.remembered_ports(settings.DATA_DIR)
    if wanted and not Server.objects.exists() and not StatusTransition.objects.exists():
        ports = ports or plan.choose_ports()
        plan.remember_ports(settings.DATA_DIR, ports)
        recording.create(_servers(ports), now=now)
        if page_wanted:
            _ensure_channel(now)
    if ports is None:
        return None
    ids = _ids(ports)
    if not wanted:
        recording.delete(ids, actor="DEMO=0", now=now)
    if not page_wanted:
        outbox.remove_channels([plan.CHANNEL_ID], now)
    if not wanted or not ids:
        return None
    if not Channel.objects.filter(pk=plan.CHANNEL_ID).exists():
        return Demonstration(len(ids))
    page = f"http://{plan.HOST}:{ports[plan.SLACK]}/"
    tokens = {"SLACK_BOT_TOKEN": "xoxb-of-the-demonstration", "SLACK_APP_TOKEN": "xapp-of-the-demonstration"}
    return Demonstration(len(ids), page, {"SLACK_API_URL": f"{page}api/", **tokens})


def _ensure_channel(now: datetime) -> None:
    if not Channel.objects.filter(pk=plan.CHANNEL_ID).exists():
        outbox.add_channel(Channel(pk=plan.CHANNEL_ID, name=plan.CHANNEL_NAME), now)


def _servers(ports: dict[str, int]) -> list[Server]:
    return [
        Server(
            host_name=exhibit.name,
            host=f"{kinds.shape_of(exhibit.type).schemes[0]}://{plan.HOST}",
            port=ports[exhibit.name],
            type=exhibit.type,
            environment=exhibit.environment,
            interval_seconds=plan.INTERVAL_SECONDS,
            timeout_seconds=plan.TIMEOUT_SECONDS,
            healthy_threshold=plan.THRESHOLD,
            unhealthy_threshold=plan.THRESHOLD,
        )
        for exhibit in plan.EXHIBITS
    ]


def _ids(ports: dict[str, int]) -> list[int]:
    """The exhibits that are still there; one that somebody renamed or pointed elsewhere is theirs."""
    found = Server.objects.filter(host_name__in=[exhibit.name for exhibit in plan.EXHIBITS], host__contains=plan.HOST)
    return [server.pk for server in found if server.port == ports[server.host_name]]
