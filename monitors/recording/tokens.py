"""Keys to the API, made and taken away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from monitors import audit
from monitors.audit import Act, Item, Subject
from monitors.models import ApiToken
from monitors.transactions import retried_atomic


@retried_atomic
def issue_token(user: User, name: str = "", *, now: datetime, **columns: Any) -> tuple[ApiToken, str]:
    """A new token and its text, which is shown once and stored nowhere."""
    token, text = ApiToken.objects.issue(user, name, **columns)
    audit.record(Act.CREATED, Subject.TOKEN, [_item(token, audit.created(token))], at=now)
    return token, text


@retried_atomic
def delete_tokens(tokens: Sequence[ApiToken], *, now: datetime) -> None:
    """What they open is closed from then on."""
    items = [_item(token, audit.deleted(token)) for token in tokens]
    ApiToken.objects.filter(pk__in=[token.pk for token in tokens]).delete()
    audit.record(Act.DELETED, Subject.TOKEN, items, at=now)


def _item(token: ApiToken, changes: audit.Changes) -> Item:
    """By its last letters, as everywhere; whose it is, is shown by name."""
    return Item(token.pk, str(token), {**changes, "user": _named(changes["user"], token.user.get_username())})


def _named(pair: tuple[Any, Any], name: str) -> tuple[Any, Any]:
    return (None, name) if pair[0] is None else (name, None)
