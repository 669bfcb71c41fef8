"""Forms for channels of the workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from notifications.transports.slack.refusals import describe_refusal
from notifications.validation import LONGEST_CHANNEL_NAME, clean_channel_name


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
