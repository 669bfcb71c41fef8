"""Ways to notify. The list below is all that others know of them: outbox, form, API and pages ask whatever is in it.

`base` says what a transport is, `settings` derives form, API and JSON Schema from what each declares, `exchange` is a
POST that knows whether it may have arrived.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from notifications.fields import usual_kind
from notifications.transports.base import Reply, Transport, Verdict, declared
from notifications.transports.slack.transport import SlackBot, SlackWebhook
from notifications.transports.words import shared_advice

if TYPE_CHECKING:
    from notifications.models import Channel

TRANSPORTS: list[Transport] = [SlackBot(), SlackWebhook()]


class Unknown(Transport):
    """Stands for a kind that is stored and not in the list: of a later version, or written by hand."""

    kind = "unknown"
    label = medium = "?"

    def problem(self) -> str:
        return "unknown_kind"

    def send(self, *_: Any) -> Reply:
        return Reply(Verdict.GIVE_UP, "unknown_kind")


def by_kind(kind: str) -> Transport:
    return next((one for one in TRANSPORTS if one.kind == kind), Unknown())


def of(channel: Channel) -> Transport:
    return by_kind(channel.kind or usual_kind(channel))


def kinds() -> list[tuple[str, Any]]:
    """Every kind, with its label."""
    return [(one.kind, one.label) for one in TRANSPORTS]


def family(kind: str) -> list[Transport]:
    """Those that one form offers: the kind, and what it becomes by other settings."""
    chosen = by_kind(kind)
    return [one for one in TRANSPORTS if one is chosen or (chosen.family and one.family == chosen.family)]


def families() -> list[tuple[str, Any]]:
    """What people choose from: the first kind of each family, by the name of what takes its messages."""
    firsts = {one.family or one.kind: one for one in reversed(TRANSPORTS)}
    return [(one.kind, one.medium) for one in reversed(firsts.values())]


def kind_for(given: Mapping[str, Any], offered: Iterable[Transport] | None = None) -> str:
    """The kind of a channel that does not name one, by which settings it has: the first kind that needs just these."""
    from_list = list(offered or family(TRANSPORTS[0].kind))
    having = {name for name, value in given.items() if value}
    fitting = (one for one in from_list if required(one) and required(one) <= having)
    return next((one.kind for one in fitting), from_list[0].kind)


def required(transport: Transport) -> set[str]:
    return {one.name for one in declared(transport.settings) if one.required}


def new_id(transport: Transport) -> str:
    """For a channel whose medium has no ids of its own."""
    return f"{transport.id_prefix or transport.kind}-{secrets.token_hex(4)}"


def is_cut_off(channel: Channel) -> bool:
    """Whether nothing arrives there until somebody mends something, as far as we know."""
    return of(channel).is_cut_off(channel.lacks)


def explain(transport: Transport, code: str, detail: str = "") -> str:
    """What a code of the transport means and what to do, in the active language; empty for none."""
    return (transport.advice(code, detail) or shared_advice(code, detail, transport.medium)) if code else ""


def advice(channel: Channel | None, code: str, detail: str = "") -> str:
    """The same of a channel's; `channel` is None when it is deleted."""
    return explain(of(channel) if channel else TRANSPORTS[0], code, detail)
