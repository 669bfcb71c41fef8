"""Columns that hold secrets. One that cannot be read fails no list and no other channel: it says so where it is used,
and is kept as it is stored."""

from __future__ import annotations

import json
from typing import Any

from monitors.fields import ChoiceCharField, EncryptedTextField, decrypt


class UnreadableText(str):
    """Stands for a secret that none of ENCRYPTION_KEYS reads; the text is what is stored."""

    __slots__ = ()


class UnreadableSettings(dict[str, Any]):
    """The same of settings: empty, with what is stored as `sealed`."""

    def __init__(self, sealed: str) -> None:
        super().__init__()
        self.sealed = sealed


class SecretField(EncryptedTextField):
    """A secret text, encrypted in the database. Cannot be searched."""

    def from_db_value(self, value: str | None, *_args: Any) -> str | None:
        try:
            return super().from_db_value(value, *_args)
        except ValueError:
            return UnreadableText(value)

    def get_prep_value(self, value: Any) -> Any:
        return str(value) if isinstance(value, UnreadableText) else super().get_prep_value(value)


def usual_kind(channel: Any) -> str:
    """Of a channel that names none: whoever writes rows by SQL knows no kinds."""
    return "slack_bot" if getattr(channel, "hook_url", None) is None else "slack_webhook"


class KindField(ChoiceCharField):
    """How a channel is notified: never empty once it is stored from here."""

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        model_instance.kind = model_instance.kind or usual_kind(model_instance)
        return model_instance.kind


class SettingsField(EncryptedTextField):
    """An object, encrypted as a whole: what of it is secret, each kind of channel says by itself."""

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, *_args: Any) -> Any:
        if value is None:
            return {}
        try:
            read = json.loads(decrypt(value))
        except (ValueError, RecursionError):
            return UnreadableSettings(value)
        return read if isinstance(read, dict) else UnreadableSettings(value)

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, UnreadableSettings):
            return value.sealed
        return super().get_prep_value(json.dumps(value, ensure_ascii=False)) if value else None

    def value_to_string(self, obj: Any) -> str:
        return json.dumps(self.value_from_object(obj))
