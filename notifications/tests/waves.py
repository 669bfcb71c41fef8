"""Many servers that fail and recover together; one probe is enough for either."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from monitors import recording
from monitors.models import Server
from monitors.tests.builders import NOW, observation, server


def fleet(count: int, **columns: Any) -> list[Server]:
    return [server(**{"healthy_threshold": 1, "unhealthy_threshold": 1, **columns}) for _ in range(count)]


def look(servers: Sequence[Server], at: datetime, *, ok: bool) -> None:
    """One probe of each, recorded together."""
    recording.record([observation(target.pk, at, ok=ok) for target in servers])


def fail(count: int, at: datetime = NOW, **columns: Any) -> list[Server]:
    """So many new servers, which are down."""
    servers = fleet(count, **columns)
    look(servers, at, ok=False)
    return servers
