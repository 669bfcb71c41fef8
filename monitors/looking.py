"""Looking at servers now, because somebody asks: outside the grid, moving no counter, storing nothing."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from monitors import kinds
from monitors.engine import loop as engine
from monitors.engine.base import Outcome, Target
from monitors.models import Server
from monitors.targets import policies, target_of
from monitors.validation import deny_list

MOST = 20
"""Servers looked at by one request: each has a thread for as long as its timeout allows."""


def look(servers: Sequence[Server]) -> list[Outcome]:
    """Look at all of `servers` at once; returns their outcomes in the same order.

    Blocks for the longest of their timeouts, so never call it with a transaction open.
    """
    in_force = policies()
    targets = [target_of(server, in_force) for server in servers]
    with ThreadPoolExecutor(max_workers=MOST) as threads:
        return list(threads.map(_look, targets))


def _look(target: Target | Outcome) -> Outcome:
    return target if isinstance(target, Outcome) else engine.look(target, kinds.probers_on, deny=deny_list())
