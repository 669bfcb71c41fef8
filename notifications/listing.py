"""What the page of the channels lists: those that receive alerts or did, or all of the workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from notifications import transports
from notifications.models import Channel, Delivery, WorkspaceChannel
from notifications.promises import describe_guarantee, describe_lack
from notifications.transports import settings as settings_of

OURS, WORKSPACE = "alerts", "workspace"


class ListFilter(forms.Form):
    q = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=80,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off", "spellcheck": "false"}),
    )
    show = forms.ChoiceField(required=False, choices=[(OURS, OURS), (WORKSPACE, WORKSPACE)], widget=forms.HiddenInput)

    def chosen(self) -> dict[str, str]:
        """The valid choices by name; "" where nothing is chosen."""
        self.is_valid()
        return {name: self.cleaned_data.get(name, "") for name in self.fields}


@dataclass(frozen=True, slots=True)
class Row:
    """One channel: known to us, to the workspace, or to both."""

    id: str
    channel: Channel | None
    listed: WorkspaceChannel | None
    delivery: Delivery | None

    @property
    def name(self) -> str:
        return str(self.channel or self.listed)

    @property
    def name_in_slack(self) -> str:
        """Where it is called something else here."""
        return self.listed.name if self.listed and self.listed.name != self.name else ""

    @property
    def enabled(self) -> bool:
        return self.channel is not None and self.channel.enabled

    @property
    def sigil(self) -> str:
        """Before the name."""
        return (transports.of(self.channel) if self.channel else transports.TRANSPORTS[0]).sigil

    @property
    def badge(self) -> str:
        """How a channel that is no other's is reached."""
        if self.channel is None or transports.of(self.channel).own_ids:
            return ""
        transport = transports.of(self.channel)
        return f"{transport.badge or transport.label} {settings_of.hint(self.channel)}".strip()

    @property
    def out_of_reach(self) -> bool:
        """Whether this process has no way to it."""
        return self.channel is not None and bool(transports.of(self.channel).problem())

    @property
    def language(self) -> str:
        return str(dict(settings.LANGUAGES).get(self.channel.language, "")) if self.channel else ""

    @property
    def explanation(self) -> str:
        return describe_guarantee(self.channel) if self.channel else ""

    @property
    def cut_off(self) -> bool:
        """Whether nothing arrives there."""
        return self.channel is not None and transports.is_cut_off(self.channel)

    @property
    def lack(self) -> str:
        return describe_lack(self.channel) if self.channel else ""


def channels(text: str) -> QuerySet[Channel]:
    """Those that we know, first those that receive alerts."""
    known = Channel.objects.order_by("-enabled", "name", "channel_id")
    return known.filter(Q(name__icontains=text) | Q(channel_id__icontains=text)) if text else known


def listed(text: str) -> QuerySet[WorkspaceChannel]:
    """Those of the workspace that can be posted to."""
    open_ones = WorkspaceChannel.objects.filter(is_archived=False).order_by("name", "slack_id")
    return open_ones.filter(name__icontains=text) if text else open_ones


def rows(shown: Sequence[Channel | WorkspaceChannel]) -> list[Row]:
    """The two tables are asked one after the other, by value: they are never joined, see `Channel`."""
    ids = [str(one.pk) for one in shown]
    ours = {one.pk: one for one in shown if isinstance(one, Channel)}
    theirs = {one.pk: one for one in shown if isinstance(one, WorkspaceChannel)}
    if theirs:
        ours = Channel.objects.in_bulk(ids)
    elif ours:
        theirs = WorkspaceChannel.objects.in_bulk(ids)
    latest = _latest_deliveries(list(ours))
    for id_, delivery in latest.items():
        delivery.channel = ours[id_]
    return [Row(id_, ours.get(id_), theirs.get(id_), latest.get(id_)) for id_ in ids]


def _latest_deliveries(channel_ids: list[str]) -> Mapping[Any, Delivery]:
    grouped = Delivery.objects.filter(channel__in=channel_ids).order_by().values("channel_id")
    latest = grouped.annotate(latest=Max("id")).values_list("latest", flat=True)
    return {delivery.channel_id: delivery for delivery in Delivery.objects.filter(id__in=list(latest))}
