"""Drills 1 and 2: workers die by SIGKILL."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from drills.fleet import Flapping
from drills.ground import Channel, Ground, Options, running_ground
from drills.oracle import POSTS
from drills.proxy import Proxy, running_proxy
from drills.result import Result
from drills.slack import POST, WEBHOOK, Entry
from drills.stack import KILLED, SENDERS, Stack

CAUGHT_SECONDS = 90.0
"""Within which a message to be caught in the act must come."""
EXPOSED_SECONDS = 1.0
"""Before a kill: what was posted since then may not have been noted as sent."""
LEASE_SECONDS = 30
LOOKED_FOR_SECONDS = 15
"""After the lease: twice, five seconds apart, and some."""
LATENCY = 0.15
"""Seconds between recording and replying, so that kills at random find messages on their way."""


def kill_workers_at_random(options: Options) -> Iterator[Result]:
    """Drill 1: SIGKILL to any worker, or beat, at any time, started again at once, while servers fail and recover."""
    kills = options.count(short=8, long=200)
    servers = options.size(short=15, long=36)
    with running_ground(options, servers=servers, environments=("DEV", "STAGE", "LIVE")) as ground:
        ground.slack.mode(kind="slow", seconds=LATENCY)
        longest = {"down": options.size(short=4, long=15), "up": options.size(short=8, long=45)}
        with Flapping(ground.fleet, ground.fleet.targets, ground.rng, **longest):
            for _ in range(kills):
                time.sleep(ground.rng.uniform(1.0, 4.0) if options.short else ground.rng.uniform(1.0, 9.0))
                name = ground.rng.choice(KILLED)
                ground.stack.kill(name)
                ground.fleet.faults += name == "probes"
                ground.stack.start(name)
        ground.settle()
        yield ground.result("1 kill any worker", kills, kills, ground.judge())


def kill_between_recording_and_replying(options: Options) -> Iterator[Result]:
    """Drill 2: Slack has the message and has not said so when the sender dies: the worst moment, every time.

    Bots and webhooks are struck in turn, whichever channel has something to tell. A webhook's message that was answered
    just before a kill may be repeated as well.
    """
    kills = options.count(short=4, long=200)
    each = options.size(short=2, long=6)
    processes = ("redis", "probes", "ticks", "beat")
    struck = dict.fromkeys(POSTS, 0)
    exposed = 0
    with running_ground(options, servers=3, bots=each, webhooks=each, processes=processes) as ground:
        bots = [channel for channel in ground.channels if not channel.by_webhook]
        webhooks = [channel for channel in ground.channels if channel.by_webhook]
        with Flapping(ground.fleet, ground.fleet.targets, ground.rng, down=10, up=16):
            for number in range(kills):
                method = POSTS[number % len(POSTS)]
                seen = len(ground.slack.entries())
                ground.slack.mode(kind="record_then_hang", method=method, times=1)
                caught = ground.slack.wait_for(
                    lambda entry: entry["outcome"] == "record_then_hang", CAUGHT_SECONDS, after=seen
                )
                ground.stack.kill("ticks")
                ground.stack.start("ticks")
                struck[method] += caught is not None
                exposed += _posted_lately(ground.slack.entries(), webhooks)
        ground.settle()
        yield ground.result("2 kill in the reply, bot", kills, struck[POST], ground.judge(bots))
        judged = ground.judge(webhooks, repeats_allowed=True)
        ground.must(judged.repeated <= exposed, "more repeats than messages on their way at a kill")
        yield ground.result("2 kill in the reply, webhook", kills // 2, struck[WEBHOOK], judged, exposed=exposed)


def _posted_lately(entries: Sequence[Entry], channels: Sequence[Channel]) -> int:
    """How many of these channels' messages may have been on their way just now."""
    ids = {channel.id for channel in channels}
    return sum(entry["channel"] in ids and entry["at"] > time.time() - EXPOSED_SECONDS for entry in entries)


def stop_between_claim_and_post(options: Options) -> Iterator[Result]:
    """Drill 12: senders stand still from the moment their claim is committed until long after its lease; meanwhile
    another one sends. Then they go on where they were, and must not send. At length several rounds run side by side,
    each with a sender and a channel of its own, for all that a round does is wait."""
    rounds = options.count(short=2, long=20)
    abreast = options.size(short=1, long=3)
    stopped_for = options.size(short=1, long=3) * LEASE_SECONDS + LOOKED_FOR_SECONDS
    stops, taken_over = 0, 0
    with ExitStack() as exits:
        processes = ("redis", "probes", SENDERS[1], "beat")
        ground = exits.enter_context(
            running_ground(options, servers=3, bots=abreast, webhooks=abreast, processes=processes)
        )
        stoppable = [exits.enter_context(_stoppable(ground.stack, number)) for number in range(abreast)]
        with Flapping(ground.fleet, ground.fleet.targets, ground.rng, down=8, up=10):
            while stops < rounds:
                chosen = stoppable[: rounds - stops]
                for sender in chosen:
                    sender.arm()
                caught = sum([sender.is_caught() for sender in chosen])
                ground.must(caught == len(chosen), f"only {caught} of {len(chosen)} senders claimed anything")
                before = len(_posts(ground))
                time.sleep(stopped_for)
                taken_over += min(caught, len(_posts(ground)) - before)
                stops += len(chosen)
                for sender in chosen:
                    sender.go_on()
        ground.settle()
        bots = ground.judge([channel for channel in ground.channels if not channel.by_webhook])
        webhooks = ground.judge([c for c in ground.channels if c.by_webhook], repeats_allowed=True)
        ground.must(taken_over == rounds, f"another sender sent in {taken_over} of {rounds} rounds")
        yield ground.result("12 stop after the claim", rounds, taken_over, bots + webhooks)


class Stoppable:
    """A sender that reaches the database through a proxy, which stops it when it has claimed something."""

    def __init__(self, stack: Stack, name: str, proxy: Proxy) -> None:
        self._stack, self._name, self._proxy = stack, name, proxy

    def arm(self) -> None:
        self._proxy.arm(lambda: self._stack.signal(self._name, signal.SIGSTOP))

    def is_caught(self) -> bool:
        """Whether it claims something while we wait; afterwards nothing stops it any more."""
        return self._proxy.claimed.wait(CAUGHT_SECONDS) or self._proxy.disarm()

    def go_on(self) -> None:
        self._stack.signal(self._name, signal.SIGCONT)


@contextmanager
def _stoppable(stack: Stack, number: int) -> Iterator[Stoppable]:
    name = f"{SENDERS[0]}:stoppable{number}"
    with running_proxy(stack.directory / f"proxy{number}", stack.database.socket) as proxy:
        stack.start(name, DATABASE_URL=stack.database_at(proxy.path))
        yield Stoppable(stack, name, proxy)


def _posts(ground: Ground) -> list[Entry]:
    return [entry for entry in ground.slack.entries() if entry["method"] in POSTS]
