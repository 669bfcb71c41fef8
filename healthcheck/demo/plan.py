"""The demonstration servers and the ports of this installation. Pure, but for the file that remembers the ports."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

HOST = "127.0.0.1"
INTERVAL_SECONDS = 5
TIMEOUT_SECONDS = 2.0
THRESHOLD = 2
CHANNEL_ID = "C0DEMO"
CHANNEL_NAME = "demo-alerts"
SLACK = "slack"
"""The name of the page's port, among those of the servers."""


class Behaviour(Enum):
    STEADY = "answers at once"
    SLOW = "takes its time"
    UNSTEADY = "fails and recovers by itself"
    HANGING = "accepts and never answers"
    SOCKETS = "accepts WebSockets on its hub"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One demonstration server. `type` is a number of `monitors.kinds`."""

    name: str
    environment: str
    type: int
    behaviour: Behaviour


EXHIBITS = (
    Exhibit("demo-shop", "LIVE", 1, Behaviour.UNSTEADY),
    Exhibit("demo-web", "LIVE", 1, Behaviour.STEADY),
    Exhibit("demo-admin", "LIVE", 6, Behaviour.STEADY),
    Exhibit("demo-chat", "LIVE", 2, Behaviour.SOCKETS),
    Exhibit("demo-edit", "STAGE", 3, Behaviour.SOCKETS),
    Exhibit("demo-reports", "STAGE", 1, Behaviour.SLOW),
    Exhibit("demo-game", "DEV", 4, Behaviour.SOCKETS),
    Exhibit("demo-legacy", "DEV", 1, Behaviour.HANGING),
)


def choose_ports() -> dict[str, int]:
    """A free port for each exhibit and for the Slack page."""
    with ExitStack() as open_sockets:
        ports = {}
        for name in (*(exhibit.name for exhibit in EXHIBITS), SLACK):
            listener = open_sockets.enter_context(socket.socket())
            listener.bind((HOST, 0))
            ports[name] = listener.getsockname()[1]
        return ports


def _file(data_dir: Path) -> Path:
    return data_dir / "demo.json"


def remembered_ports(data_dir: Path) -> dict[str, int] | None:
    """The ports chosen at the first run, or None before it."""
    try:
        ports = json.loads(_file(data_dir).read_text())
    except (FileNotFoundError, ValueError):
        return None
    wanted = {exhibit.name for exhibit in EXHIBITS} | {SLACK}
    return ports if isinstance(ports, dict) and set(ports) == wanted else None


def remember_ports(data_dir: Path, ports: dict[str, int]) -> None:
    _file(data_dir).write_text(json.dumps(ports))
