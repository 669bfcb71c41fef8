"""Forms of the page of the channels; the admin's is built on the first."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from django import forms
from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitors.models import Environment
from notifications.models import Channel
from notifications.transports import by_kind, family, kind_for, new_id
from notifications.transports.base import Setting, Transport, declared
from notifications.transports.settings import clean, columns, form_fields, stored


class ChannelForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs alone
    """Of a channel of one of the kinds in `offered`; `form_for` adds the fields of their settings. What is stored of a
    secret is neither shown nor lost."""

    offered: ClassVar[list[Transport]] = []

    channel_id = forms.CharField(
        label=gettext_lazy("Channel id"),
        required=False,
        max_length=255,
        help_text=gettext_lazy("Slack's id, such as C024BE91L. May be left empty for a channel with a webhook."),
    )
    environments = forms.MultipleChoiceField(
        label=gettext_lazy("Environments"),
        required=False,
        choices=Environment.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Only servers of these. None = all."),
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        required=False,
        choices=[("", gettext_lazy("the monitor's own")), *settings.LANGUAGES],
        help_text=gettext_lazy("Of the messages in this channel."),
    )

    class Meta:
        model = Channel
        fields: tuple[str, ...] = ("channel_id", "name", "enabled", "environments", "language")
        help_texts = {"name": gettext_lazy("Shown instead of the id.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._before = self._stored()
        self._written: dict[str, Any] = {}
        if not any(one.own_ids for one in self.offered):
            self.fields.pop("channel_id", None)
        for name, one in self._settings().items():
            if name in self._before and not one.secret:
                self.initial.setdefault(name, self._before[name])

    def _stored(self) -> dict[str, Any]:
        try:
            return {} if self.instance._state.adding else stored(self.instance)
        except ValueError:  # it can be entered anew
            return {}

    def _settings(self) -> dict[str, Setting]:
        return {one.name: one for transport in self.offered for one in declared(transport.settings)}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        known, adding = self._settings(), self.instance._state.adding
        removed = {name for name in known if cleaned.get(f"remove_{name}")}
        given = {name: cleaned[name] for name, one in known.items() if cleaned.get(name) or not one.secret}
        values = {**{name: value for name, value in self._before.items() if name not in removed}, **given}
        if known.keys() & self.errors.keys() or not (adding or removed or given):
            return cleaned
        transport = by_kind(kind_for(values, self.offered))
        try:
            names = {one.name for one in declared(transport.settings)}
            values = clean(transport, {name: value for name, value in values.items() if name in names}, self._before)
        except forms.ValidationError as error:
            self.add_error(None, error)
            return cleaned
        if adding or removed or values != self._before:
            self._written = columns(transport, values)
        if adding and not cleaned.get("channel_id") and "channel_id" not in self.errors:
            if transport.own_ids:
                raise forms.ValidationError({"channel_id": _("Give the channel's id, or a webhook.")})
            self.instance.channel_id = cleaned["channel_id"] = new_id(transport)
        return cleaned

    def columns(self) -> dict[str, Any]:
        """What to write, by column, as `Channel.clean()` left it."""
        names = ("name", "enabled", "environments", "language")
        return {**{name: getattr(self.instance, name) for name in names if name in self.fields}, **self._written}


F = TypeVar("F", bound=ChannelForm)


def form_for(base: type[F], kind: str, *, adding: bool) -> type[F]:
    """`base` for channels of the kind and of what it may become, with a field for each of their settings."""
    offered = family(kind)
    removable = [one for transport in offered for one in declared(transport.settings) if one.secret and one.required]
    removals = {
        f"remove_{one.name}": forms.BooleanField(
            label=format_lazy("{} {}", gettext_lazy("Remove:"), one.label), required=False
        )
        for one in removable
        if len(offered) > 1 and not adding
    }
    fields = {**form_fields(offered, adding=adding), **removals}
    return type(base.__name__, (base,), {**fields, "offered": offered, "__module__": base.__module__})


class NewChannelForm(ChannelForm):
    """A channel that receives alerts from now on."""

    class Meta(ChannelForm.Meta):
        fields = ("channel_id", "name", "environments", "language")


class SettingsForm(ChannelForm):
    """Of a channel that exists; whether it receives alerts is switched on the page itself."""

    channel_id = None  # type: ignore[assignment]  # not one of its fields

    class Meta(ChannelForm.Meta):
        fields = ("name", "environments", "language")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self._settings():
            if not getattr(self.instance, f"{name}_hint", None):
                self.fields.pop(f"remove_{name}", None)
