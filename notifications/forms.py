"""Forms of the page of the channels; the admin's is built on the first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitors.models import Environment
from notifications.models import Channel
from notifications.transports.slack.refusals import describe_refusal
from notifications.transports.slack.webhooks import clean_hook_url, hint
from notifications.validation import LONGEST_CHANNEL_NAME, clean_channel_name, new_hook_id


class SecretInput(forms.Textarea):
    """Takes a secret and shows none: not the stored one, and not the one just typed when another field is wrong."""

    def format_value(self, value: Any) -> str:
        return ""


class ChannelForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs alone
    """The webhook has a field that is not the column's: what is stored is neither shown nor read."""

    channel_id = forms.CharField(
        label=gettext_lazy("Channel id"),
        required=False,
        max_length=255,
        help_text=gettext_lazy("Slack's id, such as C024BE91L. May be left empty for a channel with a webhook."),
    )
    webhook = forms.CharField(
        label=gettext_lazy("Webhook URL"),
        required=False,
        widget=SecretInput({"rows": 2, "autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "An incoming webhook of Slack; stored encrypted, never shown again. Without one, messages go out by the "
            "bot token."
        ),
    )
    remove_webhook = forms.BooleanField(
        label=gettext_lazy("Remove the webhook"),
        required=False,
        help_text=gettext_lazy("From then on messages go out by the bot token."),
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
        help_texts = {"name": gettext_lazy("Shown instead of the id; as in Slack, without the #.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.fields["webhook"].help_text = _(
                "An incoming webhook of Slack; stored encrypted, never shown again. Empty = it stays as it is; without "
                "one, messages go out by the bot token."
            )

    def clean_webhook(self) -> str:
        text = self.cleaned_data["webhook"]
        return clean_hook_url(text) if text else ""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.instance._state.adding and "webhook" in cleaned and not cleaned.get("channel_id", "?"):
            if not cleaned["webhook"]:
                raise forms.ValidationError({"channel_id": _("Give the channel's id, or a webhook.")})
            cleaned["channel_id"] = new_hook_id()
        return cleaned

    def columns(self) -> dict[str, Any]:
        """What to write, by column, as `Channel.clean()` left it."""
        names = ("name", "enabled", "environments", "language")
        columns = {name: getattr(self.instance, name) for name in names if name in self.fields}
        webhook = self.cleaned_data.get("webhook") or None
        if webhook or self.cleaned_data.get("remove_webhook"):
            columns |= {"hook_url": webhook, "hook_url_hint": hint(webhook)}
        return columns


class NewChannelForm(ChannelForm):
    """A channel that receives alerts from now on."""

    remove_webhook = None  # type: ignore[assignment]  # not one of its fields

    class Meta(ChannelForm.Meta):
        fields = ("channel_id", "name", "environments", "language")


class SettingsForm(ChannelForm):
    """Of a channel that exists; whether it receives alerts is switched on the page itself."""

    channel_id = None  # type: ignore[assignment]  # not one of its fields

    class Meta(ChannelForm.Meta):
        fields = ("name", "environments", "language")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.hook_url_hint:
            del self.fields["remove_webhook"]


class NameForm(forms.Form):
    """A name for a channel of the workspace. What else Slack refuses in one, Slack says."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=LONGEST_CHANNEL_NAME + 1,  # with the # that people write
        help_text=gettext_lazy("Lower-case letters, digits, - and _."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_name(self) -> str:
        return clean_channel_name(self.cleaned_data["name"])


class NewWorkspaceChannelForm(NameForm):
    """`lacking` are the scopes that are missing, by whether the channel is private: a choice that is none is fixed."""

    is_private = forms.BooleanField(
        label=gettext_lazy("Private"),
        required=False,
        help_text=gettext_lazy("Only those who are invited see it. It cannot be made public later."),
    )
    enabled = forms.BooleanField(label=gettext_lazy("It receives alerts"), required=False, initial=True)

    def __init__(self, *args: Any, lacking: Mapping[bool, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if len(lacking) == 1:
            ((impossible, scope),) = lacking.items()
            field = self.fields["is_private"]
            field.disabled, field.initial = True, not impossible
            field.help_text = describe_refusal("missing_scope", needed=scope)
