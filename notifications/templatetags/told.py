"""What was sent about a server or an incident, for the pages of other apps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import template
from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _

from monitors.models import StatusTransition
from monitors.timeline import Entry, ordered
from notifications import transports
from notifications.models import Channel, Delivery, SkipReason, State

register = template.Library()

NEWEST = 20
"""Deliveries shown of one server."""
TRANSITIONS = 30
"""Transitions whose deliveries are looked for: a bound, however long the history."""
MARKS = {
    State.SENT: ("✓", "ok"),
    State.FAILED: ("✕", "bad"),
    State.SKIPPED: ("–", ""),
    State.UNCERTAIN: ("?", "warn"),
}
"""Shape and colour of a state; what is on its way has neither."""


@register.inclusion_tag("notifications/told.html", takes_context=True)
def told_of_server(context: template.Context, server_id: int) -> dict[str, Any]:
    """The latest messages about a server, newest first."""
    latest = StatusTransition.objects.filter(server=server_id).exclude(outage="").order_by("-at", "-id")
    ids = list(latest.values_list("pk", flat=True)[:TRANSITIONS])
    return _shown(context, _deliveries().filter(transition__in=ids).order_by("-id")[:NEWEST] if ids else ())


@register.simple_tag
def with_told(entries: Iterable[Entry], incident_id: int) -> list[Entry]:
    """The story of an incident, and in it who was told when."""
    return ordered([*entries, *map(_entry, _deliveries().filter(incident_id=incident_id).order_by("id"))])


def _entry(delivery: Delivery) -> Entry:
    words = {"what": delivery.get_kind_display(), "channel": channel_words(delivery) or _("nobody")}
    shape, tone = state_mark(delivery), state_tone(delivery)
    if delivery.state == State.SENT and delivery.sent_at:
        title = _("Told %(channel)s: %(what)s") % words
        seconds = delivery.seconds
        text = "" if seconds is None else _("%(seconds).1f s after the change of state") % {"seconds": seconds}
        return Entry(delivery.sent_at, tone, shape, title, text)
    titles = {
        State.FAILED: _("Could not tell %(channel)s: %(what)s"),
        State.SKIPPED: _("Did not tell %(channel)s: %(what)s"),
        State.UNCERTAIN: _("Not known yet whether %(channel)s was told: %(what)s"),
    }
    title = titles.get(State(delivery.state), _("On its way to %(channel)s: %(what)s")) % words
    return Entry(delivery.created_at, tone, shape, title, reason_words(delivery))


@register.simple_tag
def last_refusals(number: int = 5) -> list[Delivery]:
    """The deliveries that failed last."""
    return list(_deliveries().filter(state=State.FAILED).order_by("-id")[:number])


def _shown(context: template.Context, deliveries: Iterable[Delivery]) -> dict[str, Any]:
    return {"deliveries": deliveries, "now": context.get("now"), "request": context.get("request")}


def _deliveries() -> QuerySet[Delivery]:
    """The channels are asked for by value: the tables are never joined, see `Channel`."""
    return Delivery.objects.prefetch_related(
        Prefetch("channel", Channel.objects.only("channel_id", "name", "kind", "hook_url"))
    )


@register.filter
def state_mark(delivery: Delivery) -> str:
    return MARKS.get(State(delivery.state), ("…", "accent"))[0]


@register.filter
def state_tone(delivery: Delivery) -> str:
    return MARKS.get(State(delivery.state), ("…", "accent"))[1]


@register.filter
def reason_words(delivery: Delivery) -> str:
    """Why it was skipped is a code of ours, why it failed is one of the medium's."""
    if not delivery.reason:
        return ""
    if delivery.reason == SkipReason.ABSORBED and delivery.storm_id:
        return _("the message of a storm says it")
    if delivery.state == State.SKIPPED:
        return str(dict(SkipReason.choices).get(delivery.reason, delivery.reason))
    return transports.advice(delivery.channel, delivery.reason)


@register.filter
def channel_words(delivery: Delivery) -> str:
    """The id of a channel that is deleted."""
    return str(delivery.channel or delivery.channel_id or "")
