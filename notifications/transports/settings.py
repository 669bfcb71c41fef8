"""What follows from the settings that a transport declares: reading, checking, masking, form fields, JSON Schema.

Settings are stored in one encrypted column, except those that had a column of their own before there were settings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitors.fields import MASK
from notifications.fields import UnreadableSettings, UnreadableText
from notifications.transports import TRANSPORTS, of
from notifications.transports.base import Destination, Setting, SettingError, Transport, declared

if TYPE_CHECKING:
    from notifications.models import Channel

MAX_LENGTH = 2_000
"""Characters of a text."""
COLUMNS = {one.name: one for transport in TRANSPORTS for one in declared(transport.settings) if one.column}
"""Settings that are columns of the channel, and fields of the API, by name."""


def stored(channel: Channel) -> dict[str, Any]:
    """The settings of a channel as they are stored, by name. Raises ValueError for what cannot be read."""
    columns = {one.name: getattr(channel, one.name) for one in declared(of(channel).settings) if one.column}
    values = {**channel.settings, **{name: value for name, value in columns.items() if value is not None}}
    if isinstance(channel.settings, UnreadableSettings) or any(isinstance(v, UnreadableText) for v in values.values()):
        raise ValueError("unreadable_secret")
    return values


def destination(channel: Channel) -> Destination:
    """Raises ValueError, with a code, for settings that cannot be read or are not complete."""
    given, settings = stored(channel), of(channel).settings
    known = {one.name: _typed(one, given[one.name]) for one in declared(settings) if one.name in given}
    try:
        return Destination(channel.pk, settings(**known))
    except TypeError:
        raise ValueError("invalid_settings") from None


def hint(channel: Channel) -> str:
    """What may be shown of where the channel leads; what was stored of it where the settings cannot be read."""
    try:
        return of(channel).hint(destination(channel).settings)
    except ValueError:
        columns = (one.name for one in declared(of(channel).settings) if one.column)
        return next((shown for name in columns if (shown := getattr(channel, f"{name}_hint", None))), "")


def masked(channel: Channel) -> dict[str, Any]:
    """The settings as people may see them; without those that are columns."""
    shown = (one for one in declared(of(channel).settings) if not one.column and one.name in channel.settings)
    return {one.name: MASK if one.secret else channel.settings[one.name] for one in shown}


def clean(transport: Transport, given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The settings to store. A masked value stays what it was `before`. Raises ValidationError by setting for what is
    unknown, missing or wrong."""
    known = {one.name: one for one in declared(transport.settings)}
    problems: dict[str, Any] = {name: _("There is no such setting.") for name in given if name not in known}
    values: dict[str, Any] = {}
    for name, one in known.items():
        value = given.get(name)
        if one.secret and value == MASK:
            value = before.get(name)
        if value is None or (one.required and value in ("", [])):
            if one.required:
                problems[name] = _("This setting is required.")
        elif not _fits(one, value):
            problems[name] = _("Give %(type)s.") % {"type": TYPES[one.type].words}
        else:
            values[name] = value.strip() if isinstance(value, str) else value
    if not problems:
        try:
            transport.check(transport.settings(**{name: _typed(known[name], value) for name, value in values.items()}))
        except SettingError as error:
            problems[error.field] = error.problem
    if problems:
        raise ValidationError({name: [str(problem)] for name, problem in problems.items()})
    return values


def columns(transport: Transport, values: Mapping[str, Any]) -> dict[str, Any]:
    """What to write, by column of the channel: the kind's own settings, and nothing of other kinds."""
    ours = {one.name for one in declared(transport.settings) if one.column}
    typed = {one.name: _typed(one, values[one.name]) for one in declared(transport.settings) if one.name in values}
    hinted = transport.hint(transport.settings(**typed)) if ours else None
    return {
        "kind": transport.kind,
        "settings": {name: value for name, value in values.items() if name not in ours},
        **{name: values.get(name) if name in ours else None for name in COLUMNS},
        **{f"{name}_hint": hinted if name in ours else None for name in COLUMNS},
    }


def schema(transport: Transport) -> dict[str, Any]:
    """JSON Schema of the settings (draft 2020-12)."""
    properties = {}
    for one in declared(transport.settings):
        described = {"title": str(one.label), "description": str(one.help_text), **TYPES[one.type].schema, **one.bounds}
        if one.secret:
            described["writeOnly"] = True
        if not one.required:
            default = one.default
            described["default"] = list(default) if isinstance(default, tuple) else default
        properties[one.name] = described
    needed = [one.name for one in declared(transport.settings) if one.required]
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": needed}


# forms


class SecretInput(forms.Textarea):
    """Takes a secret and shows none: not the stored one, and not the one just typed when another field is wrong."""

    def format_value(self, value: Any) -> str:
        return ""


class WordsField(forms.CharField):
    """Several texts, each on its own line."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        return [word for line in (super().to_python(value) or "").splitlines() if (word := line.strip())]


def form_fields(transports: Iterable[Transport], *, adding: bool) -> dict[str, forms.Field]:
    """Of every setting of these kinds. None is required where a form offers several kinds, nor a secret that is
    stored."""
    offered = list(transports)
    fields = {}
    for one in (one for transport in offered for one in declared(transport.settings)):
        field = TYPES[one.type].field(label=one.label, help_text=one.help_text)
        field.required = one.required and len(offered) == 1 and (adding or not one.secret)
        field.initial = None if one.required else one.default
        if one.secret:
            field.widget = SecretInput({"rows": 2, "autocomplete": "off", "spellcheck": "false"})
            if not adding:
                stays = _("Empty = it stays as it is.")
                field.help_text = f"{one.help_text} {stays}".strip()
        fields[one.name] = field
    return fields


# types


@dataclasses.dataclass(frozen=True)
class Kind:
    """Of a setting."""

    fits: Callable[[Any], bool]
    words: Any
    schema: Mapping[str, Any]
    field: Callable[..., forms.Field]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_LENGTH


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_text, value))


def _text_field(**kwargs: Any) -> forms.Field:
    return forms.CharField(max_length=MAX_LENGTH, **kwargs)


TYPES = {
    "str": Kind(_is_text, gettext_lazy("a text"), {"type": "string", "maxLength": MAX_LENGTH}, _text_field),
    "bool": Kind(
        lambda value: isinstance(value, bool), gettext_lazy("true or false"), {"type": "boolean"}, forms.BooleanField
    ),
    "int": Kind(_is_number, gettext_lazy("a whole number"), {"type": "integer"}, forms.IntegerField),
    "tuple[str, ...]": Kind(
        _are_texts, gettext_lazy("a list of texts"), {"type": "array", "items": {"type": "string"}}, WordsField
    ),
}
"""By the annotation of the dataclass's field."""


def _fits(one: Setting, value: Any) -> bool:
    return TYPES[one.type].fits(value)


def _typed(one: Setting, value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
