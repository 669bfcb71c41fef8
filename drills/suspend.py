"""Drill *suspend*: the machine sleeps, with everything on it, and wakes up again."""

from __future__ import annotations

import time
from collections.abc import Iterator

from drills.fleet import Flapping
from drills.ground import Options, running_ground
from drills.result import Result

SLEEP, LONG_SLEEP = 15.0, 600.0
"""Seconds: longer than any timeout, and longer than any lease."""
INTERVAL = 2
RULES = {"PROBE_INTERVAL_SECONDS": str(INTERVAL), "PROBE_TIMEOUT_SECONDS": "1.8"}
ANSWER_SECONDS = 0.8
"""Servers take so long to answer, so that many probes are under way at any time."""
POST_SECONDS = 0.5
"""So does Slack, so that messages are on their way, too."""
AWAKE_SECONDS = 12
HELD_SECONDS = 60.0
SETTLE_SECONDS = 90
STEADY = 6
"""Servers that never fail."""


def suspend_everything(options: Options) -> Iterator[Result]:
    """SIGSTOP to every process, broker and database at once, SIGCONT after 15 seconds; at length the last time after
    ten minutes. Servers and Slack go on meanwhile: what they answered waits to be read."""
    times = options.count(short=1, long=6)
    sleeps = [SLEEP] * times if options.short else [*[SLEEP] * (times - 1), LONG_SLEEP]
    calm = blind = 0.0
    with running_ground(options, servers=14, variables=RULES) as ground:
        ground.fleet.answer_after(ANSWER_SECONDS)
        ground.slack.mode(kind="slow", seconds=POST_SECONDS)
        flapping, steady = ground.fleet.targets[:-STEADY], ground.fleet.targets[-STEADY:]
        with Flapping(ground.fleet, flapping, ground.rng, down=2, up=3):
            for seconds in sleeps:
                ground.fleet.watch()
                time.sleep(ground.rng.uniform(6, 9))
                calm = max(calm, ground.fleet.longest_unseen())
                ground.fleet.faults += 1
                with ground.stack.suspended():
                    time.sleep(seconds)
                ground.fleet.watch()
                time.sleep(AWAKE_SECONDS)
                blind = max(blind, ground.must_not_be_blind(INTERVAL))
        ground.settle(seconds=SETTLE_SECONDS)
        ground.must_never_have_failed(steady)
        judged = ground.judge()
        limit = max(sleeps) + HELD_SECONDS
        ground.must(judged.slowest <= limit, f"a message was held for {judged.slowest:.0f} s")
        yield ground.result("suspend", times, times, judged, calm=round(calm, 1), blind=blind)
