"""What the probes of one loop share, and how each of them is brought to its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from monitors.engine.base import Outcome, Target
from monitors.engine.connection import Connection
from monitors.engine.deny import DenyList
from monitors.engine.excerpt import WINDOW, excerpt
from monitors.engine.progress import RESOLVE, ProbeFailed, Progress, explain
from monitors.engine.resolver import Resolver
from monitors.engine.tls import TlsContexts


@dataclass(frozen=True, slots=True)
class Network:
    """Made once per loop, in that loop."""

    resolver: Resolver
    deny: DenyList
    tls: TlsContexts = field(default_factory=TlsContexts)
    parting: set[Connection] = field(default_factory=set)
    """Connections that have said goodbye and wait for the server to hang up."""

    async def close(self) -> None:
        for connection in tuple(self.parting):
            connection.close()
        await self.resolver.close()


Look = Callable[[Network, Target, Progress], Awaitable[None]]
"""Looks at a target and returns when it is as expected; raises ProbeFailed or OSError when it is not."""


async def observe(look: Look, network: Network, target: Target, deadline: float) -> Outcome:
    """Bring `look` to an outcome before `deadline` (the loop's clock, seconds): the only timeout of a probe.

    Raises only for bugs of ours.
    """
    progress = Progress(deadline)
    try:
        async with asyncio.timeout_at(deadline):
            await look(network, target, progress)
    except ProbeFailed as exc:
        if progress.strange:
            progress.answer = excerpt(target, progress.strange[:WINDOW].decode("utf-8", "replace"))
        return progress.outcome(exc.failure, exc.detail)
    except OSError as exc:
        if isinstance(exc, TimeoutError) and progress.stage is RESOLVE:
            silence = network.resolver.silence(target.host)
            return progress.outcome(silence.failure, silence.detail)
        return progress.outcome(*explain(exc, progress.stage))
    return progress.outcome(detail=progress.note)
