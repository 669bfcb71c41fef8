"""What a page is narrowed down to, and in which order. What is no choice is ignored: a page is not an API, and says
what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import Case, Q, SmallIntegerField, Value, When
from django.utils.translation import gettext_lazy as _

from monitors.display import HEALTH_WORDS
from monitors.models.server import found_by, type_choices

ENVIRONMENTS = ("LIVE", "STAGE", "DEV", "UNKNOWN")
"""What matters most comes first."""
SORTS = ("state", "name", "since", "latency", "uptime")
"""Each also with a minus, the other way round. The first is the default."""


def weight() -> Case:
    """The place of `environment` among `ENVIRONMENTS`, to sort by."""
    places = [When(environment=name, then=Value(place)) for place, name in enumerate(ENVIRONMENTS)]
    return Case(*places, default=Value(len(ENVIRONMENTS)), output_field=SmallIntegerField())


class PageFilter(forms.Form):
    environment = forms.ChoiceField(
        label=_("Environment"),
        required=False,
        choices=[("", _("all")), *((name, name) for name in ENVIRONMENTS)],
    )
    q = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=255,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off", "spellcheck": "false"}),
    )

    def chosen(self) -> dict[str, str]:
        """The valid choices by name; "" where everything is wanted."""
        self.is_valid()
        return {name: self.cleaned_data.get(name, "") for name in self.fields}


class ServerFilter(PageFilter):
    health = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("all")), *HEALTH_WORDS.items()])
    type = forms.ChoiceField(
        label=_("Type"),
        required=False,
        choices=lambda: [("", _("all")), *((str(number), word) for number, word in type_choices())],
    )
    tag = forms.CharField(
        label=_("Tag"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "size": 10}),
    )
    sort = forms.ChoiceField(
        required=False,
        choices=[(f"{sign}{name}", name) for name in SORTS for sign in ("", "-")],
        widget=forms.HiddenInput,
    )
    field_order = ("q", "environment", "health", "type", "tag", "sort")

    def visible_data(self) -> dict[str, str]:
        """What narrows the list down, without its order."""
        return {name: value for name, value in self.chosen().items() if name != "sort"}


def matching(chosen: Mapping[str, Any]) -> Q:
    """Servers that fit search, type and tag. Environment and health are counted apart, for the sentences."""
    found = Q()
    if text := chosen["q"]:
        found &= found_by(text)
    if chosen["type"]:
        found &= Q(type=int(chosen["type"]))
    if tag := chosen["tag"].strip():
        found &= Q(tags__icontains=f",{tag},")
    return found
