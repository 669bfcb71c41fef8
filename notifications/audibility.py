"""May this news be told to this channel now, and if not, why? Pure.

Asked when a delivery is made, when it is about to be sent, when a channel begins to receive alerts, and when somebody
wants it sent again. Whatever else keeps news back becomes a fact and a rule here: the first rule that has an answer
gives it. The reason is stored with the delivery and shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Topic(StrEnum):
    FAILURE = "failure"
    """A server is down, or still is."""
    END = "end"
    """What was down is so no longer, or is no longer monitored."""
    TEST = "test"
    OTHER = "other"
    """About many servers, or about the messages themselves."""


class Decision(StrEnum):
    SEND = "send"
    EDIT = "edit"
    """Only bring up to date what was sent before."""
    HOLD = "hold"
    """Not now: to be asked again."""
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the answer depends on. What is not given speaks against nothing."""

    topic: Topic
    receiver: bool = True
    """There is a channel."""
    enabled: bool = True
    """It receives alerts."""
    wanted: bool = True
    """It receives those of the server's environment."""
    untold: str = ""
    """Of an end: the reason for which the channel was not told of the beginning."""
    server: bool = True
    """The server is still there."""
    notification: bool = True
    """The server's notification is on."""
    expired: bool = False
    """It was too late when we learned of it, and it is over."""
    known: bool = False
    """Another message says it, or is about to."""


@dataclass(frozen=True, slots=True)
class Answer:
    decision: Decision
    reason: str = ""
    """Empty for SEND; else one of `notifications.models.SkipReason`."""


Rule = Callable[[Facts], Answer | None]


def _skipped(reason: str, applies: Callable[[Facts], bool]) -> Rule:
    return lambda facts: Answer(Decision.SKIP, reason) if applies(facts) else None


def _untold(facts: Facts) -> Answer | None:
    """Whoever was told of a failure is told its end, whatever has changed since; nobody else is."""
    if facts.topic is not Topic.END:
        return None
    return Answer(Decision.SKIP, facts.untold) if facts.untold else Answer(Decision.SEND)


RULES: Sequence[Rule] = (
    _skipped("no_channel", lambda facts: not facts.receiver),
    lambda facts: Answer(Decision.SEND) if facts.topic is Topic.TEST else None,
    _skipped("channel_disabled", lambda facts: not facts.enabled),
    _untold,
    _skipped("no_channel", lambda facts: not facts.wanted),
    _skipped("server_deleted", lambda facts: not facts.server),
    _skipped("notification_off", lambda facts: not facts.notification),
    _skipped("expired", lambda facts: facts.expired),
    _skipped("absorbed", lambda facts: facts.known),
)
"""In the order in which they are asked."""


def may_tell(facts: Facts, rules: Sequence[Rule] = RULES) -> Answer:
    """The answer of the first rule that has one; nothing speaks against sending what none of them knows."""
    return next((answer for rule in rules if (answer := rule(facts))), Answer(Decision.SEND))
