"""The form of one server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import copy
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.crypto import salted_hmac

from monitors import kinds
from monitors.dashboard import ENVIRONMENTS
from monitors.display import ORIGIN_WORDS, number_words
from monitors.fields import UnreadableHeaders
from monitors.forms.base import BaseServerForm
from monitors.forms.fields import expected_text_field, headers_field, scheme_field, tags_field, verify_tls_field
from monitors.forms.options import PREFIX
from monitors.models import Server
from monitors.models.server import type_choices
from monitors.policy import RULES, Policies
from monitors.settings_table import MAIN, REQUEST, TARGET_COLUMNS
from monitors.targets import effective_of

PROBED = frozenset((*TARGET_COLUMNS, "environment", "interval_seconds", "timeout_seconds"))
"""What a look depends on. The rest may still be wrong."""
PATIENCE_SECONDS = 15.0
"""For a look that somebody waits for, whatever the server's own timeout."""
UNTOUCHED = {"autocomplete": "off", "spellcheck": "false", "hx-preserve": "true"}
"""What was typed stays in the browser; the answer does not repeat it."""
ASKS_FOR_ITS_FIELDS = {
    "hx-vals": '{"act": "kind"}',
    "hx-target": "#fields",
    "hx-select": "#fields",
    "hx-swap": "outerHTML",
}
SAMPLE_HOST = "https://web.example.com"


class ServerForm(BaseServerForm):
    """A new server, or one that exists. Whether it is paused is not edited: that is an act of its own."""

    scheme = scheme_field()
    expected_text = expected_text_field()
    verify_tls = verify_tls_field()
    tags = tags_field()
    request_headers = headers_field()
    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    """What the server was when the form was opened."""

    class Meta:
        model = Server
        fields = (*MAIN, *RULES, *REQUEST)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        policies: Policies,
        instance: Server | None = None,
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data, instance=instance, initial=initial, auto_id="server_%s")
        self.name = self.instance.host_name
        place = [name for name in ("host", "port") if getattr(self.kind.shape, name)]
        for name in {*REQUEST, "host", "port"} - {*self.kind.columns, *place}:
            del self.fields[name]
        self.fields["environment"].choices = [(name, name) for name in ENVIRONMENTS]  # type: ignore[attr-defined]
        known = [("", "–")] if self.instance.pk and not kinds.known(self.instance.type) else []
        types = [(value, f"{value} – {label}") for value, label in type_choices()]
        self.fields["type"].choices = [*known, *types]  # type: ignore[attr-defined]
        self._say("host", placeholder=SAMPLE_HOST, autocapitalize="none", spellcheck="false")
        self._say("request_headers", rows=3, placeholder="Authorization: Bearer …", **UNTOUCHED)
        self._say_what_is_inherited(policies)
        self.initial["seen"] = mark_of(self.instance)

    def _say(self, name: str, **attributes: Any) -> None:
        """To the browser, of a field that not every kind has."""
        if name in self.fields:
            self.fields[name].widget.attrs.update(attributes)

    def _say_what_is_inherited(self, policies: Policies) -> None:
        """As placeholders: of the environment that is chosen, and for the script those of the others."""
        chosen = self["environment"].value() or ENVIRONMENTS[0]
        words = {name: inherited_words(name, policies) for name in ENVIRONMENTS}
        for setting in RULES:
            texts = {name: words[name][setting] for name in ENVIRONMENTS}
            self.fields[setting].widget.attrs.update(
                {"placeholder": texts.get(chosen, ""), "data-inherited": json.dumps(texts, ensure_ascii=False)}
            )

    def _update_errors(self, errors: forms.ValidationError) -> None:
        """All that the model has against a row as a whole is that its name is taken."""
        if taken := errors.error_dict.pop(NON_FIELD_ERRORS, None):
            errors.error_dict.setdefault("host_name", []).extend(taken)
        super()._update_errors(errors)

    def clean_request_headers(self) -> Any:
        typed, stored = self.cleaned_data["request_headers"], self.instance.request_headers
        # Nobody could be shown what an empty field would remove.
        return stored if not typed and isinstance(stored, UnreadableHeaders) else typed

    def empty_headers(self) -> None:
        super().empty_headers()
        self.fields["request_headers"].widget.attrs.pop("hx-preserve")

    def asks_at(self, url: str) -> None:
        """Let the choice of another type ask there for the fields of its kind."""
        self._say("type", **ASKS_FOR_ITS_FIELDS, **{"hx-post": url})

    def focus(self) -> None:
        """Let the reader begin at the first field, or at the first that is wrong."""
        first = (self.wrong or [self[MAIN[0]]])[0]
        first.field.widget.attrs["autofocus"] = True

    @property
    def main(self) -> list[forms.BoundField]:
        return [self[name] for name in MAIN if name in self.fields]

    @property
    def rules(self) -> list[forms.BoundField]:
        return [self[name] for name in RULES]

    @property
    def request(self) -> list[forms.BoundField]:
        return [self[name] for name in REQUEST if name in self.fields]

    @property
    def options(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(PREFIX)]

    @property
    def advanced_is_open(self) -> bool:
        """Whether something beyond the main fields is set or wrong, or was typed and is not repeated."""
        said = any(field.value() not in (None, "") or field.errors for field in (*self.rules, *self.request))
        return said or self.forgets

    @property
    def wrong(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if self.errors.get(name)]

    @property
    def forgets(self) -> bool:
        """Whether header values were typed that the form, shown again, does not show."""
        if not self.is_bound or "request_headers" not in self.fields:
            return False
        typed = (self.data.get("request_headers") or "").split()
        return typed != str(self["request_headers"].value()).split()

    @property
    def outdated(self) -> bool:
        """Whether somebody else changed the server after the form was opened."""
        return bool(self.instance.pk) and self.data.get("seen") != self.initial["seen"]

    @property
    def hindering(self) -> list[forms.BoundField]:
        """What is wrong and has to be right before anybody can look."""
        return [field for field in self.wrong if field.name in PROBED or field.name.startswith(PREFIX)]


def inherited_words(environment: str, policies: Policies) -> Mapping[str, str]:
    """`30 – policy of the environment` for each setting that a server of `environment` leaves empty."""
    inherited = policies.effective(environment)
    return {
        setting: f"{number_words(getattr(inherited, setting))} – {ORIGIN_WORDS[origin]}"
        for setting, origin in inherited.origins.items()
    }


def mark_of(server: Server) -> str:
    """The same for a server as long as nobody changes what the form edits. Tells nothing about the secrets in it."""
    values = {name: getattr(server, name) for name in (*MAIN, *RULES, *REQUEST, "options")}
    return salted_hmac("monitors.forms.server", json.dumps(values, default=str)).hexdigest()


def bounded(server: Server, policies: Policies) -> Server:
    """`server` with a timeout that somebody can wait for."""
    tried = copy(server)
    tried.timeout_seconds = min(effective_of(server, policies).timeout_seconds, PATIENCE_SECONDS)
    return tried
