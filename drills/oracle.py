"""What ought to have been told, and what was. Pure: of the fleet's script and the stand-in's ledger, nothing else."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

POSTS = ("chat.postMessage", "webhook")
"""Methods that post; an edit does not."""
CLOCK = 1.5
"""Seconds by which a message may date an outage before the script: it gives whole seconds, and a probe may have been
under way."""


AS_GOOD_AS_ONE = 3.0
"""Seconds between two news within which either may be recorded first: outcomes are stored some at a time."""


class News(StrEnum):
    FAILURE = "failure"
    RECOVERY = "recovery"
    LATE = "late"
    """A failure and its recovery in one message."""


SENTENCES = {
    # first match counts; the name and the second since which the server was down are in every sentence
    News.LATE: re.compile(r" is up again\b.* Told late"),
    News.RECOVERY: re.compile(r" is up again "),
    # the second where it could not be told for an hour, as after a step of the clock; the third once it is over
    News.FAILURE: re.compile(r" is down: | is still down: | was down for "),
}
SINCE = re.compile(r"<!date\^(\d+)\^")
REPEAT = "(possible repeat)"


@dataclass(frozen=True, slots=True)
class Flap:
    """A server was out of order. Instants are seconds of the wall clock."""

    server: str
    began: float
    ended: float | None = None
    """None: it never worked again."""
    down_for_sure: float | None = None
    """The hit that completed the failing run."""
    up_for_sure: float | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A post that somebody can see. Edits of one are none."""

    number: int
    """Its place in the ledger."""
    channel: str
    server: str
    news: News
    since: int
    """The second since which it says that the server was down."""
    at: float
    repeat: bool = False
    """It says of itself that it may have been posted before."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The figures of one drill."""

    expected: int = 0
    lost: int = 0
    doubled: int = 0
    repeated: int = 0
    """Posted again and marked so; only where that is allowed."""
    misordered: int = 0
    """Recoveries that stand before their failure, and outages that were told of before an earlier one of the same
    server had been told to its end."""
    false: int = 0
    """Messages about something that did not happen, or that could not be understood."""
    late: int = 0
    """Failures that were told together with their recovery."""
    slowest: float = 0.0
    """Seconds from the probe that made it certain to the message."""
    remarks: tuple[str, ...] = field(default=(), compare=False)
    """The first few things that are wrong."""

    def __add__(self, other: Judgement) -> Judgement:
        numbers = ("expected", "lost", "doubled", "repeated", "misordered", "false", "late")
        summed = {name: getattr(self, name) + getattr(other, name) for name in numbers}
        slowest = max(self.slowest, other.slowest)
        return replace(self, **summed, slowest=slowest, remarks=(self.remarks + other.remarks)[:MOST_REMARKS])

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.misordered or self.false)


MOST_REMARKS = 10


def read_messages(entries: Iterable[Mapping[str, Any]], servers: Collection[str]) -> tuple[list[Message], list[str]]:
    """The posts of a ledger that are about `servers`, in its order; and those that no sentence of ours explains."""
    name = re.compile("|".join(rf"\b{re.escape(server)}\b" for server in servers) or "(?!)")
    messages, strange = [], []
    for entry in entries:
        if not entry["ts"] or entry["method"] not in POSTS:
            continue
        text = entry["text"]
        news = next((news for news, sentence in SENTENCES.items() if sentence.search(text)), None)
        server, since = name.search(text), SINCE.search(text)
        if news and server and since:
            where = (entry["number"], entry["channel"], server[0])
            messages.append(Message(*where, news, int(since[1]), entry["at"], REPEAT in text))
        else:
            strange.append(f"{entry['channel']}: {text}")
    return messages, strange


def judge(
    flaps: Sequence[Flap],
    messages: Iterable[Message],
    channels: Collection[str],
    *,
    strange: Sequence[str] = (),
    repeats_allowed: bool = False,
) -> Judgement:
    """Compare, for each channel, what was told of each flap with what ought to have been.

    `repeats_allowed` is for channels that are told at least once: there a repeat that is marked is not a double.
    """
    by_server = _by_server(flaps)
    told: dict[tuple[str, Flap], list[Message]] = {(channel, flap): [] for channel in channels for flap in flaps}
    total = Judgement(false=len(strange), remarks=tuple(f"not understood: {text}" for text in strange[:MOST_REMARKS]))
    for message in messages:
        if message.channel not in channels:
            continue
        if (about := _flap_of(message, by_server[message.server])) is None:
            total += Judgement(false=1, remarks=(f"nothing of the kind happened: {message}",))
        else:
            told[message.channel, about].append(message)
    for (channel, flap), posts in told.items():
        total += _judge_one(channel, flap, posts, repeats_allowed)
    for channel in channels:
        for server, of_server in by_server.items():
            total += _judge_order(channel, server, [told[channel, flap] for flap in of_server])
    return total


def overtaken(flaps: Iterable[Flap], messages: Iterable[Message], known_by: float) -> list[Message]:
    """Those which newer news stand before, of any server, although all of it was known at the instant `known_by`: a
    channel to which nothing was sent until then is told the oldest first. `messages` are one channel's."""
    by_server = _by_server(flaps)
    late: list[Message] = []
    told: set[tuple[Flap, News]] = set()
    newest = 0.0
    for message in messages:
        flap = _flap_of(message, by_server[message.server])
        if flap is None or (flap, message.news) in told:
            continue
        told.add((flap, message.news))
        known = flap.down_for_sure if message.news is News.FAILURE else flap.up_for_sure
        if known is None or known > known_by:
            continue
        if known < newest - AS_GOOD_AS_ONE:
            late.append(message)
        newest = max(newest, known)
    return late


def _by_server(flaps: Iterable[Flap]) -> dict[str, list[Flap]]:
    found: dict[str, list[Flap]] = defaultdict(list)
    for flap in flaps:
        found[flap.server].append(flap)
    return found


def _flap_of(message: Message, flaps: Iterable[Flap]) -> Flap | None:
    """The one that was going on at the second that the message names."""
    for flap in flaps:
        over = flap.ended is not None and message.since > flap.ended
        if flap.began - CLOCK <= message.since and not over:
            return flap
    return None


def _judge_order(channel: str, server: str, told: Sequence[Sequence[Message]]) -> Judgement:
    """`told`: of each flap of the server, in their order. Where something is told again, the first time counts."""
    latest, misordered = 0, 0
    for about in told:
        first: dict[News, int] = {}
        for message in about:
            first.setdefault(message.news, message.number)
        misordered += any(number < latest for number in first.values())
        latest = max([latest, *first.values()])
    remarks = (f"{channel} {server}: not in the order of its outages",) if misordered else ()
    return Judgement(misordered=misordered, remarks=remarks)


def _judge_one(channel: str, flap: Flap, about: Sequence[Message], repeats_allowed: bool) -> Judgement:
    told = {news: [message for message in about if message.news is news] for news in News}
    needed = 1 if flap.ended is None else 2
    failures, recoveries = (told[news] or told[News.LATE] for news in (News.FAILURE, News.RECOVERY))
    lost = (not failures) + (needed == 2 and not recoveries)
    first = {message.number for group in told.values() for message in group[:1]}
    if told[News.LATE]:  # says both, so that whatever else says one of them says it again
        first = {min(message.number for message in about)}
    again = [message for message in about if message.number not in first]
    marked = sum(message.repeat for message in again) if repeats_allowed else 0
    false = len(recoveries) if flap.ended is None else 0
    misordered = bool(failures and recoveries and recoveries[0].number < failures[0].number)
    remarks = [f"{channel} {flap}: {about}"] if lost or len(again) > marked or misordered or false else []
    return Judgement(
        expected=needed,
        lost=lost,
        doubled=len(again) - marked,
        repeated=marked,
        misordered=misordered,
        false=false,
        late=bool(told[News.LATE]),
        slowest=max(_delays(flap, failures, recoveries), default=0.0),
        remarks=tuple(remarks),
    )


def _delays(flap: Flap, failures: Sequence[Message], recoveries: Sequence[Message]) -> list[float]:
    """Of the first message of each kind."""
    pairs = ((flap.down_for_sure, failures), (flap.up_for_sure, recoveries))
    return [told[0].at - certain for certain, told in pairs if told and certain is not None]
