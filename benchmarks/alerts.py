"""How fast news travel: from the hit that completes a run of failures to the message at a stand-in for Slack."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.farm import Farm, Hit, Mode, running_farm
from benchmarks.figures import percentile, slots_between
from benchmarks.loads import Load
from benchmarks.running import loaded_stack, settle
from notifications.tests.standin.running import Running, running_standin

SPACING = 1.3
"""Seconds between two pieces of news: Slack takes one message a second and channel, and that wait is not ours."""
AHEAD = 0.5
"""A target is flipped so many seconds before its slot."""
PATIENCE = 10.0
_NAME = re.compile(r"target-(\d{5})")


@dataclass(frozen=True, slots=True)
class Flips:
    """Single targets that change, spaced apart, while all others stay as they are."""

    count: int = 40
    threshold: int = 3
    """Outcomes in a row that make news, both ways."""


def messages(slack: Running) -> list[dict[str, Any]]:
    """What somebody can see there, in the order of arrival."""
    with urllib.request.urlopen(f"{slack.url}/ledger", timeout=10) as answer:
        return [entry for entry in json.loads(answer.read()) if entry["ts"] and entry["method"] != "chat.update"]


def spaced_slots(
    servers: Mapping[int, int], interval: float, begin: float, count: int, spacing: float = SPACING
) -> list[tuple[float, int]]:
    """`count` slots of as many targets, at least `spacing` apart, the first after `begin`: (slot, target)."""
    last = begin + 3 * spacing * count + 2 * interval
    slots = sorted(
        (slot, target)
        for target, server_id in servers.items()
        for slot in slots_between(server_id, interval, begin, last)
    )
    chosen: list[tuple[float, int]] = []
    used: set[int] = set()
    for slot, target in slots:
        if len(chosen) < count and target not in used and (not chosen or slot >= chosen[-1][0] + spacing):
            chosen.append((slot, target))
            used.add(target)
    return chosen


def latencies(
    chosen: Sequence[tuple[float, int]], mode: Mode, threshold: int, hits: Sequence[Hit], arrivals: Mapping[int, float]
) -> list[float]:
    """Seconds from the `threshold`-th hit in `mode` to the message, for each target of which there is one."""
    found = []
    for slot, target in chosen:
        run = [hit.at for hit in hits if hit.target == target and hit.mode is mode and hit.at > slot - AHEAD]
        if len(run) >= threshold and target in arrivals:
            found.append(arrivals[target] - run[threshold - 1])
    return found


def run_alerts(load: Load, flips: Flips) -> Iterator[dict[str, Any]]:
    """Let targets fail one after another, then recover; yields what each of the two took."""
    with running_standin() as slack, running_farm(load.servers) as farm:
        variables = {
            "SLACK_API_URL": f"{slack.url}/api/",
            "SLACK_BOT_TOKEN": slack.token,
            "HEALTHY_THRESHOLD": str(flips.threshold),
            "UNHEALTHY_THRESHOLD": str(flips.threshold),
        }
        with loaded_stack(load, farm, **variables) as (stack, servers):
            create = (
                f"from notifications.models import Channel; Channel.objects.create(pk={slack.channel!r}, name='alerts')"
            )
            stack.manage("shell", "--verbosity", "0", "--command", create)
            settle(load)
            chosen = spaced_slots(servers, load.interval, time.time() + 1 + AHEAD, flips.count)
            yield _flip(chosen, Mode.FAIL, load, flips, farm, slack)
            same = {target: servers[target] for _, target in chosen}
            back = spaced_slots(same, load.interval, time.time() + 1 + AHEAD, flips.count)
            yield _flip(back, Mode.OK, load, flips, farm, slack)


def _flip(
    chosen: Sequence[tuple[float, int]], mode: Mode, load: Load, flips: Flips, farm: Farm, slack: Running
) -> dict[str, Any]:
    before = len(messages(slack))
    farm.new_hits()
    for slot, target in chosen:
        time.sleep(max(0.0, slot - AHEAD - time.time()))
        farm.set_mode(mode, [target])
    time.sleep(max(0.0, chosen[-1][0] + (flips.threshold - 1) * load.interval - time.time()))
    deadline = time.time() + PATIENCE
    while len(arrived := messages(slack)[before:]) < len(chosen) and time.time() < deadline:
        time.sleep(0.2)
    arrivals = {int(match[1]): entry["at"] for entry in arrived if (match := _NAME.search(entry["text"]))}
    seconds = latencies(chosen, mode, flips.threshold, farm.new_hits(), arrivals)
    return {
        "news": "failure" if mode is Mode.FAIL else "recovery",
        "flips": len(chosen),
        "told": len(seconds),
        "unexpected": len(arrived) - len(seconds),
        "seconds": {
            "p50": round(percentile(seconds, 50), 4),
            "p95": round(percentile(seconds, 95), 4),
            "max": round(max(seconds, default=0.0), 4),
        },
    }
