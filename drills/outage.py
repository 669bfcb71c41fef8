"""Drill 5: everything fails at once."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from drills.ground import Channel, Ground, Options, running_ground, until
from drills.oracle import POSTS, Judgement
from drills.result import Result
from drills.slack import Entry
from drills.stack import PROCESSES

MOST_POSTS = 6
"""To a channel, from the first failure to the last recovery."""
FIRST_SECONDS = 2.0
LONGEST = 8_000
"""Characters of a message, as JSON."""
BETWEEN_EDITS = 3.0
"""Seconds between two edits of one message, on average: one that was delayed on its way is followed sooner."""
STORMS = {"servers": 5, "seconds": 30}
BEGAN = re.compile(r" (\d+) of \d+ down(?:, \d+ of them)? since ")
"""Where not all that are down are told by it yet, it says of how many it tells."""
ENDED = re.compile(r"all (\d+) servers are up again")
CALM_SECONDS = 10
"""After the window in which the storm grows: a webhook is told the sum of it then."""
PATIENCE = 900.0


def fail_everything(options: Options) -> Iterator[Result]:
    """Every server fails within one interval, and all of them recover. The channels hear of it in a few messages."""
    servers = options.size(short=500, long=10_000)
    interval = options.size(short=5, long=20)
    variables = {"PROBE_INTERVAL_SECONDS": str(interval), "PROBE_TIMEOUT_SECONDS": "4"}
    processes = (*PROCESSES, "web")
    with running_ground(
        options, servers=servers, webhooks=1, processes=processes, storms=STORMS, patience=PATIENCE, variables=variables
    ) as ground:
        ground.stack.wait_for_web()
        everything = list(ground.fleet.targets)
        began = datetime.now(UTC)
        ground.fleet.set_down(everything)
        known = until(lambda: ground.fleet.are_certain(everything), PATIENCE)
        time.sleep(STORMS["seconds"] + CALM_SECONDS)
        turned = datetime.now(UTC)
        ground.settle(seconds=PATIENCE)
        ground.must(known, "not every server was probed while it was down")
        stored = [_transitions(ground, began, turned), _transitions(ground, turned, None)]
        ground.must(
            stored == [servers, servers], f"{stored} transitions for {servers} servers that failed and recovered"
        )
        certain = [flap.down_for_sure for flap in ground.fleet.flaps() if flap.down_for_sure]
        judged, figures = Judgement(), []
        for channel in ground.channels:
            entries = [e for e in ground.slack.entries() if e["channel"] == channel.id and e["ts"]]
            posts = [entry for entry in entries if entry["method"] in POSTS]
            judged += _judge(channel, posts, min(certain))
            figures.append(_figures(entries, posts, min(certain)))
        _check(ground, figures, servers)
        yield ground.result("5 everything fails", servers, servers, judged, transitions=sum(stored), channels=figures)


def _transitions(ground: Ground, after: datetime, before: datetime | None) -> int:
    """How many the API knows of."""
    until_then = f"&before={quote(before.isoformat())}" if before else ""
    status, page = ground.stack.get(f"/api/transitions/?page_size=1&after={quote(after.isoformat())}{until_then}")
    ground.must(status == 200, f"the API answered {status} when it was asked for transitions")
    return int(page["count"]) if status == 200 else 0


def _judge(channel: Channel, posts: Sequence[Entry], certain: float) -> Judgement:
    """One beginning and one end. What was told one by one before it was a storm is in its figures."""
    began = [entry for entry in posts if BEGAN.search(entry["text"])]
    ended = [entry for entry in posts if ENDED.search(entry["text"])]
    lost = (not began) + (not ended)
    misordered = bool(began and ended and ended[0]["number"] < began[0]["number"])
    return Judgement(
        expected=2,
        lost=lost,
        doubled=max(0, len(ended) - 1) + max(0, len(began) - (2 if channel.by_webhook else 1)),  # a webhook's summary
        misordered=misordered,
        slowest=max((entry["at"] - certain for entry in began[:1]), default=0.0),
        remarks=tuple(entry["text"] for entry in posts) if lost or misordered else (),
    )


def _figures(entries: Sequence[Entry], posts: Sequence[Entry], certain: float) -> dict[str, Any]:
    edits: dict[str, list[float]] = {}
    for entry in entries:
        if entry["method"] == "chat.update":
            edits.setdefault(entry["ts"], []).append(entry["at"])
    gaps = [later - earlier for times in edits.values() for earlier, later in pairwise(times)]
    sizes = [len(json.dumps({"text": e["text"], "blocks": e["blocks"]}, ensure_ascii=False)) for e in entries]
    told = [int(found[1]) for entry in entries if (found := BEGAN.search(entry["text"]))]
    return {
        "posts": len(posts),
        "edits": sum(map(len, edits.values())),
        "between_edits": round(sum(gaps) / len(gaps), 2) if gaps else None,
        "longest": max(sizes, default=0),
        "first": round(min((entry["at"] for entry in posts), default=0.0) - certain, 2),
        "down_told": max(told, default=0),
    }


def _check(ground: Ground, figures: Sequence[dict[str, Any]], servers: int) -> None:
    for channel, found in zip(ground.channels, figures, strict=True):
        ground.must(found["posts"] <= MOST_POSTS, f"{channel.id}: {found['posts']} messages")
        ground.must(found["longest"] <= LONGEST, f"{channel.id}: a message of {found['longest']} characters")
        ground.must(found["first"] <= FIRST_SECONDS, f"{channel.id}: the first message after {found['first']} s")
        pause = found["between_edits"] or BETWEEN_EDITS
        ground.must(pause >= BETWEEN_EDITS, f"{channel.id}: an edit every {pause} s")
        ground.must(found["down_told"] == servers, f"{channel.id}: told of {found['down_told']} servers at most")
