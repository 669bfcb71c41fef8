"""Whether those who opened a stream of events may still read it, asked for all streams of a process at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.db.models import Q
from rest_framework.request import Request

from monitors.models import ApiToken

RIGHTS = frozenset(("monitors.view_server", "monitors.view_incident", "monitors.change_server"))
"""What a stream shows depends on these."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who opened a stream, by which token or session, and with which of RIGHTS."""

    user_id: int
    rights: frozenset[str]
    token_id: int | None = None
    session_key: str = ""
    session_hash: str = ""
    """Changes with the password, and ends the session with it."""

    @classmethod
    def of(cls, request: Request) -> Reader:
        user = cast("User", request.user)
        rights = frozenset(right for right in RIGHTS if user.has_perm(right))
        if isinstance(request.auth, ApiToken):
            return cls(int(user.pk), rights, token_id=request.auth.pk)
        key = request.session.session_key or ""
        return cls(int(user.pk), rights, session_key=key, session_hash=user.get_session_auth_hash())


def still_valid(readers: Collection[Reader], now: datetime) -> set[Reader]:
    """Those of `readers` whose user is active, whose token or session is in force, and whose rights are what they were.

    Four queries, however many they are.
    """
    users = {user.pk: user for user in User.objects.filter(pk__in={reader.user_id for reader in readers})}
    tokens = _tokens_in_force(readers, now)
    sessions = _sessions_in_force(readers, now)
    rights = _rights(users.values())
    return {
        reader
        for reader in readers
        if (user := users.get(reader.user_id))
        and user.is_active
        and reader.rights == rights[user.pk]
        and (reader.token_id is None or reader.token_id in tokens)
        and (not reader.session_key or reader.session_key in sessions)
        and (not reader.session_hash or reader.session_hash == user.get_session_auth_hash())
    }


def _tokens_in_force(readers: Iterable[Reader], now: datetime) -> set[int]:
    ids = {reader.token_id for reader in readers if reader.token_id is not None}
    lasting = Q(expires_at=None) | Q(expires_at__gt=now)
    return set(ApiToken.objects.filter(lasting, pk__in=ids).values_list("pk", flat=True))


def _sessions_in_force(readers: Iterable[Reader], now: datetime) -> set[str]:
    keys = {reader.session_key for reader in readers if reader.session_key}
    found = Session.objects.filter(session_key__in=keys, expire_date__gt=now)
    return set(found.values_list("session_key", flat=True))


def _rights(users: Collection[User]) -> Mapping[int, frozenset[str]]:
    """Which of RIGHTS each has, as `RoleBackend` finds them for one."""
    columns = ("content_type__app_label", "codename")
    ids = [user.pk for user in users]
    own = Permission.objects.filter(user__in=ids).order_by().values_list("user", *columns)
    by_role = Permission.objects.filter(group__user__in=ids).order_by().values_list("group__user", *columns)
    found: dict[int, set[str]] = {user.pk: set(RIGHTS) if user.is_superuser else set() for user in users}
    for user_id, app, codename in own.union(by_role):
        found[user_id].add(f"{app}.{codename}")
    return {user_id: RIGHTS & rights for user_id, rights in found.items()}
