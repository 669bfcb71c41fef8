"""The options of a kind of check as fields of a form, made from its dataclass; on the pages and in the admin alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitors.kinds.base import Kind
from monitors.kinds.options import Described, described

PREFIX = "options."
"""Before the name of each field, as `monitors.validation` names an option that is wrong."""


def fields_of(kind: Kind) -> dict[str, forms.Field]:
    """Empty, each means its default. What a value must be, the kind says."""
    return {f"{PREFIX}{field.name}": _field(field) for field in described(kind.options)}


def said(cleaned: Mapping[str, Any]) -> dict[str, Any] | None:
    """The options that a form says; null for none."""
    given = {name.removeprefix(PREFIX): value for name, value in cleaned.items() if name.startswith(PREFIX)}
    return {name: value for name, value in given.items() if value is not None} or None


def initial_of(options: Any) -> dict[str, Any]:
    """For fields of a form, of options whose secrets are masked."""
    return {f"{PREFIX}{name}": value for name, value in options.items()} if isinstance(options, Mapping) else {}


def _field(field: Described) -> forms.Field:
    option = field.option
    told: dict[str, Any] = {"label": _(option.label), "required": field.required}
    told["help_text"] = _(option.help) if option.help else ""
    if field.kind is bool:
        choices = [("", _default(field)), ("True", gettext_lazy("yes")), ("False", gettext_lazy("no"))]
        return forms.TypedChoiceField(choices=choices, coerce=lambda value: value == "True", empty_value=None, **told)
    if option.choices:
        empty = [] if field.required else [("", _default(field))]
        choices = [*empty, *((choice, choice) for choice in option.choices)]
        return forms.TypedChoiceField(choices=choices, empty_value=None, **told)
    if field.kind in (int, float):
        number: Any = forms.IntegerField if field.kind is int else forms.FloatField
        made: forms.Field = number(min_value=option.least, max_value=option.most, **told)
    elif field.kind is str:
        made = TextField(strip=False, empty_value=None, **told)
        if option.lines:
            made.widget = forms.Textarea({"rows": 3})
    else:
        made = JsonField(widget=forms.Textarea({"rows": 3, "class": "mono"}), **told)
    if field.default not in (None, "", ()):
        made.widget.attrs["placeholder"] = str(field.default)
    if option.secret:
        made.widget.attrs["autocomplete"] = "off"
    return made


def _default(field: Described) -> str:
    shown = {True: _("yes"), False: _("no"), None: "–"}.get(field.default, field.default or "–")
    return _("%(value)s, by default") % {"value": shown}


class TextField(forms.CharField):
    """Keeps line breaks as they are usual, whatever browsers send."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return text.replace("\r\n", "\n") if text else text


class JsonField(forms.CharField):
    """A list or an object, as JSON."""

    def prepare_value(self, value: Any) -> Any:
        return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise forms.ValidationError(_("This is not valid JSON.")) from None
