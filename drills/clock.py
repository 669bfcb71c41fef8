"""Drill *clock*: the machine's clock is set, and its processes do not agree about the time."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from drills.fleet import Flapping
from drills.ground import Options, Reading, running_ground
from drills.oracle import Flap, Message
from drills.result import Result
from drills.stack import SENDERS
from healthcheck.tests.clock import of_a_process, settable_clock

HOUR = 3600.0
SKEW = 5.0
"""By which the clocks of hosts may differ that work together."""
INTERVAL = 2
RULES = {"PROBE_INTERVAL_SECONDS": str(INTERVAL), "PROBE_TIMEOUT_SECONDS": "1.5"}
HELD_SECONDS = 60.0
"""No message is held back for longer."""
SETTLE_SECONDS = 90
STEADY = 4
"""Servers that never fail."""


def dated_by(offsets: Collection[float]) -> Reading:
    """Reads messages whose dates are those of a clock that was ahead by one of `offsets`: which one, only an outage of
    the script can tell."""

    def read(message: Message, flaps: Sequence[Flap]) -> Message:
        began = [flap.began for flap in flaps if flap.server == message.server]

        def distance(since: float) -> float:
            return min(abs(since - at) for at in began)

        possible: list[float] = [message.since - offset for offset in offsets]
        nearest: float = min(possible, key=distance) if began else message.since
        return replace(message, since=round(nearest))

    return read


def set_the_clock(options: Options) -> Iterator[Result]:
    """The clock of the whole machine is set ahead by an hour and back again, over and over, while some of its processes
    are five seconds ahead of the others all the time; at length also five seconds behind."""
    for skew in (SKEW,) if options.short else (SKEW, -SKEW):
        yield _set_the_clock(options, skew)


def _set_the_clock(options: Options, skew: float) -> Result:
    steps = options.count(short=2, long=20)
    stay = options.size(short=12, long=30)
    apart = {name: of_a_process(skew) for name in ("probes", SENDERS[1])}
    calm = blind = 0.0
    with (
        settable_clock() as clock,
        running_ground(options, servers=12, variables=RULES, everywhere=clock.variables, of_each=apart) as ground,
    ):
        flapping, steady = ground.fleet.targets[:-STEADY], ground.fleet.targets[-STEADY:]
        with Flapping(ground.fleet, flapping, ground.rng, down=2, up=3):
            for step in range(steps):
                ground.fleet.watch()
                time.sleep(ground.rng.uniform(3, 6))
                calm = max(calm, ground.fleet.longest_unseen())
                ground.fleet.faults += 1
                ground.fleet.watch()
                clock.set_ahead(0 if step % 2 else HOUR)
                time.sleep(stay)
                blind = max(blind, ground.must_not_be_blind(INTERVAL))
        ground.settle(seconds=SETTLE_SECONDS)
        ground.must_never_have_failed(steady)
        judged = ground.judge(read=dated_by((0, HOUR)))
        ground.must(judged.slowest <= HELD_SECONDS, f"a message was held for {judged.slowest:.0f} s")
        return ground.result(f"clock, {skew:+g} s apart", steps, steps, judged, calm=round(calm, 1), blind=blind)
