"""Drills 3, 4, 11 and 14: Slack refuses, limits, falls silent and says what is not so."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

from drills.fleet import Flapping, server_name
from drills.ground import Channel, Ground, Options, running_ground, until
from drills.oracle import POSTS, overtaken, read_messages
from drills.result import Result
from drills.slack import POST, Entry
from drills.stack import PROCESSES

ON_TIME = 10.0
"""Seconds from the completing probe to the message, on a channel that nothing is wrong with."""

SLOWEST_PACE = 0.75
"""Messages a second to a channel that takes one, waiting for Retry-After included."""

DOUBTFUL = (
    {"kind": "record_then_hang"},
    {"kind": "record_then_cut"},
    {"kind": "record_then_error", "code": "fatal_error"},
    {"kind": "error", "code": "fatal_error"},
    {"kind": "record_late", "seconds": 3},
    {"kind": "cut_before_record"},
    {"kind": "status", "status": 503},
)
"""After each of these nobody but the channel itself can say whether the message is there."""


def lose_the_answer(options: Options) -> Iterator[Result]:
    """Drill 11: Slack posts and falls silent, posts and reports an error, reports an error and posts nothing, posts
    later; and now and then it is asked too often while the message is looked for."""
    faults = options.count(short=7, long=105)
    with running_ground(options, servers=3, bots=options.size(short=7, long=7)) as ground:
        struck = 0
        with Flapping(ground.fleet, ground.fleet.targets, ground.rng, down=12, up=20):
            for number in range(faults):
                channel = ground.channels[number % len(ground.channels)]
                fault = DOUBTFUL[(number + number // len(ground.channels)) % len(DOUBTFUL)]
                if number % 3 == 0:
                    ground.slack.mode(
                        kind="rate_limited", seconds=2, method="conversations.history", channel=channel.id, times=1
                    )
                seen = len(ground.slack.entries())
                ground.slack.mode(**fault, method=POST, channel=channel.id, times=1)
                met = ground.slack.wait_for(partial(_is_bad_post, channel), 90, after=seen)
                struck += met is not None
        ground.settle()
        looked = sum(entry["method"] == "conversations.history" for entry in ground.slack.entries())
        yield ground.result("11 lose the answer", faults, struck, ground.judge(), looked=looked)


def _is_bad_post(channel: Channel, entry: Entry) -> bool:
    return entry["method"] in POSTS and entry["channel"] == channel.id and entry["outcome"] != "ok"


def limit_the_pace(options: Options) -> Iterator[Result]:
    """Drill 4: hundreds of alerts for a channel that takes one a second, now and then with a longer Retry-After; a
    second channel has little to tell and must not wait for the first."""
    servers = options.size(short=40, long=400)
    with running_ground(options, servers=servers, environments=("LIVE", "DEV")) as ground:
        ground.slack.mode(pace="strict")
        busy, quiet = ground.channels
        crowd, few = ground.targets_of("LIVE"), ground.targets_of("DEV")
        ground.fleet.set_down(crowd)
        injected = options.count(short=2, long=10)
        for _ in range(injected):
            with Flapping(ground.fleet, few[:1], ground.rng, down=1, up=1):
                seen = len(ground.slack.entries())
                ground.slack.mode(kind="rate_limited", seconds=3, method=POST, channel=busy.id, times=1)
                ground.slack.wait_for(partial(_is_bad_post, busy), 60, after=seen)
                time.sleep(options.size(short=5, long=20))
        until(lambda: _count_ok(ground.slack.entries(), busy) >= len(crowd), seconds=4 * len(crowd))
        ground.settle(seconds=300 + 4 * servers)
        judged = ground.judge([quiet])
        ground.must(judged.slowest < ON_TIME, f"the quiet channel waited {judged.slowest:.1f} s")
        figures = _pace(ground, busy)
        ground.must(figures["most_per_second"] <= 1.2, "more than 1.2 messages a second")
        ground.must(figures["per_second"] >= SLOWEST_PACE, f"only {figures['per_second']} messages a second")
        ground.must(figures["too_early"] == 0, "Retry-After was not obeyed")
        avoidable = figures["limited"] - injected
        ground.must(avoidable <= 0.05 * figures["posts"], "more than 5 % were refused as too many")
        figures |= {"quiet_slowest": round(judged.slowest, 2)}
        yield ground.result("4 limit the pace", injected, figures["limited"], judged + ground.judge([busy]), **figures)


def _count_ok(entries: Sequence[Entry], channel: Channel) -> int:
    return sum(e["channel"] == channel.id and e["method"] in POSTS and e["outcome"] == "ok" for e in entries)


def _pace(ground: Ground, channel: Channel) -> dict[str, Any]:
    """How fast a channel was posted to, over any ten seconds; and what came before Retry-After had passed."""
    posts = [e for e in ground.slack.entries() if e["channel"] == channel.id and e["method"] in POSTS]
    taken = [entry["at"] for entry in posts if entry["outcome"] == "ok"]
    windows = [sum(at <= other < at + 10 for other in taken) / 10 for at in taken]
    limited = [place for place, entry in enumerate(posts) if entry["outcome"] in ("ratelimited", "rate_limited")]
    pairs = [(posts[place]["at"], posts[place + 1]["at"]) for place in limited if place + 1 < len(posts)]
    return {
        "posts": len(posts),
        "limited": len(limited),
        "too_early": sum(following - at < 0.99 for at, following in pairs),
        "most_per_second": max(windows, default=0.0),
        "per_second": round((len(taken) - 1) / max(1.0, taken[-1] - taken[0]), 2) if taken else 0.0,
    }


DEAD: dict[str, tuple[dict[str, Any], str]] = {
    # what is wrong with each of the channels of drill 14: what the stand-in says, and the reason that is kept
    "archived": ({"kind": "error", "code": "is_archived"}, "is_archived"),
    "left": ({"kind": "error", "code": "not_in_channel"}, "not_in_channel"),
    "removed": ({"kind": "error", "code": "no_service"}, "no_service"),
    "limited": ({"kind": "rate_limited", "seconds": 30}, ""),
}


def break_some_channels(options: Options) -> Iterator[Result]:
    """Drill 14: of five channels one is archived, one has lost the bot, one webhook is gone, one is limited for ever.
    The fifth must not notice. Then they are mended, and told what they were owed."""
    changes = options.count(short=6, long=60)
    with running_ground(options, servers=2, bots=4, webhooks=1, processes=(*PROCESSES, "web")) as ground:
        ground.stack.wait_for_web()
        archived, left, limited, sound, removed = ground.channels
        ill = {"archived": archived, "left": left, "removed": removed, "limited": limited}
        for name, channel in ill.items():
            ground.slack.mode(**DEAD[name][0], channel=channel.id)
        for _ in range(changes):
            ground.fleet.set_down([0])
            until(lambda: ground.fleet.are_certain([0]), 60)
            ground.fleet.set_up([0])
            until(lambda: ground.fleet.are_certain([0]), 60)
        told = until(lambda: ground.judge([sound]).lost == 0, 30)
        ground.must(told, "the sound channel was not told everything")
        judged = ground.judge([sound])
        ground.must(judged.slowest < ON_TIME, f"the sound channel waited {judged.slowest:.1f} s")
        for name, channel in ill.items():
            _must_be_settled(ground, name, channel, DEAD[name][1])
        met = [e for e in ground.slack.entries() if e["method"] in POSTS and e["outcome"] != "ok"]
        resent = sum(_mend(ground, channel, disabled=bool(DEAD[name][1])) for name, channel in ill.items())
        until(lambda: ground.judge().lost == 0, 90 + 4 * changes)  # at a message a second, two for each change
        ground.settle()
        for channel in ill.values():
            ground.must(_in_order(ground, channel), f"{channel.id}: what it was owed came in another order")
        owed = replace(ground.judge(list(ill.values())), slowest=0.0)  # which is how long they were ill
        yield ground.result("14 break some channels", changes, len(met), judged + owed, resent=resent)


def _must_be_settled(ground: Ground, name: str, channel: Channel, reason: str) -> None:
    """What a dead channel was to be told has failed, and the API says why; what is limited for ever waits for ever."""
    rows = ground.stack.ask(
        f"SELECT state, reason, attempts FROM notifications_delivery WHERE channel_id = '{channel.row_id}'"
    )
    if reason:
        odd = [row for row in rows if row[0] not in ("failed", "skipped") or (row[0] == "failed" and row[1] != reason)]
        ground.must(bool(rows) and not odd, f"{name}: not settled as {reason}: {odd or 'no delivery at all'}")
    else:
        ground.must(any(row[0] == "pending" for row in rows), f"{name}: nothing waits: {rows}")


def _mend(ground: Ground, channel: Channel, *, disabled: bool) -> int:
    """As whoever looks after it: a channel that is `disabled` because it is dead is enabled when it works again, and
    what failed there is resent. Returns how many messages were."""
    path = f"/api/channels/{channel.row_id}/"
    if disabled:
        _must_accept(ground, "PATCH", path, {"enabled": False})
    ground.slack.mode(kind="ok", channel=channel.id)
    if not disabled:
        return 0
    _must_accept(ground, "PATCH", path, {"enabled": True})
    failed = _must_accept(ground, "GET", f"/api/deliveries/?page_size=1000&state=failed&channel_id={channel.row_id}")
    ids = sorted(delivery["id"] for delivery in failed["results"])
    for id_ in ids:
        _must_accept(ground, "POST", f"/api/deliveries/{id_}/resend/")
    return len(ids)


def _must_accept(ground: Ground, method: str, path: str, body: Any = None) -> Any:
    status, answer = ground.stack.call(method, path, body)
    ground.must(status == 200, f"{method} {path}: {status} {answer}")
    return answer


def _in_order(ground: Ground, channel: Channel) -> bool:
    """Whether what a channel was told came in the order in which it happened."""
    about = [entry for entry in ground.slack.entries() if entry["channel"] == channel.id]
    messages, _ = read_messages(about, [server_name(target) for target in ground.fleet.targets])
    return all(earlier.since <= later.since for earlier, later in pairwise(messages))


AWAY: tuple[dict[str, Any], ...] = ({"kind": "refuse"}, {"kind": "status", "status": 503})
"""Nobody listens at Slack's address, so that nothing can have arrived; or everything is answered by an error of which
nobody can say that."""
NOTICED_WITHIN = 15.0
"""Seconds from Slack's return until the first message leaves, a look or two included."""
SECONDS_A_MESSAGE = 1.1


def take_slack_away(options: Options) -> Iterator[Result]:
    """Drill 3: Slack is away while most servers fail and recover, some stay down, and one that was down recovers and
    fails again. Afterwards all is told, the oldest first: what is over in one late message each. By a bot, and by a
    webhook, whose messages cannot be looked for."""
    seconds = options.size(short=45, long=75)
    flapping, staying = options.size(short=12, long=150), options.size(short=4, long=50)
    over, down = list(range(flapping)), list(range(flapping, flapping + staying))
    again = flapping + staying
    drained = []
    with running_ground(options, servers=again + 1, bots=1, webhooks=1) as ground:
        for away in AWAY:
            ground.fleet.set_down([again])
            ground.settle(leave_down=[again])
            seen = len(ground.slack.entries())
            back = _fail_while_away(ground, {**away, "seconds": seconds}, over, down, again)
            ground.settle(leave_down=[*down, again], seconds=300 + 4 * len(ground.fleet.targets))
            for channel in ground.channels:
                about = [e for e in ground.slack.entries()[seen:] if e["channel"] == channel.id and e["ts"]]
                drained.append(_must_be_drained(ground, about, back))
            ground.settle()  # those that stayed down
        bot, webhook = ground.channels
        judged = ground.judge([bot]) + ground.judge([webhook], repeats_allowed=True)
        expected = len(AWAY) * len(ground.channels) * flapping
        ground.must(judged.late == expected, f"{judged.late} late messages for {expected} outages that were over")
        times = {"drained": [round(one, 1) for one in drained]}
        yield ground.result("3 take Slack away", len(AWAY), len(AWAY), judged, **times)


def _fail_while_away(
    ground: Ground, away: dict[str, Any], over: Sequence[int], down: Sequence[int], again: int
) -> float:
    """Lets half of `down` fail before the others have recovered and half of them thereafter. Returns when Slack was
    back."""
    ground.slack.mode(**away)
    back = time.time() + float(away["seconds"])
    half = len(down) // 2
    steps = (
        (ground.fleet.set_up, [again]),
        (ground.fleet.set_down, over),
        (ground.fleet.set_down, down[:half]),
        (ground.fleet.set_up, over),
        (ground.fleet.set_down, down[half:]),
        (ground.fleet.set_down, [again]),
    )
    for change, targets in steps:
        change(targets)
        known = until(partial(ground.fleet.are_certain, targets), 60)
        ground.must(known and time.time() < back, "Slack was back before all had happened")
    if away["kind"] != "refuse":  # which ends by itself
        time.sleep(max(0.0, back - time.time()))
        back = time.time()
        ground.slack.mode(kind="ok")
    return back


def _must_be_drained(ground: Ground, about: Sequence[Entry], back: float) -> float:
    """Whether a channel was told what had waited for Slack, soon and the oldest first. Returns the seconds it took."""
    messages, _ = read_messages(about, [server_name(target) for target in ground.fleet.targets])
    passed_over = overtaken(ground.fleet.flaps(), messages, known_by=back)
    ground.must(not passed_over, f"newer news came first: {passed_over[:3]}")
    took = max((message.at for message in messages), default=back) - back
    allowed = SECONDS_A_MESSAGE * len(messages) + NOTICED_WITHIN
    ground.must(took <= allowed, f"it took {took:.0f} s to tell {len(messages)}")
    return took
