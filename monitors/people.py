"""Those who log in: what they prefer, where they are logged in, and what they may do for others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group, Permission, User
from django.contrib.auth.tokens import default_token_generator
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from healthcheck.peers import address_of
from monitors.models import Profile

Somebody = AbstractBaseUser | AnonymousUser
LOGGED_IN = "logged_in"
"""In a session: since when, from where and by what program."""
LONGEST_AGENT = 200
CHUNK = 500
MANAGE = ("auth.add_user", "auth.change_user")
"""What somebody needs to share access with others."""


def profile_of(user: Somebody) -> Profile | None:
    """None for whoever has never chosen anything, or is not logged in."""
    return getattr(user, "profile", None)


def preferences_of(user: User) -> dict[str, str]:
    """What somebody says of themselves, by the names of the fields."""
    chosen = profile_of(user)
    return {
        "first_name": user.first_name,
        "last_name": user.last_name,
        "language": chosen.language if chosen else "",
        "time_zone": chosen.time_zone if chosen else "",
    }


# sessions


@dataclass(frozen=True, slots=True)
class SignedIn:
    """One session. What it does not know, for it is older than this, is None or empty."""

    key: str
    at: datetime | None
    address: str
    agent: str


def remember_where(sender: object, request: HttpRequest, user: User, **_kwargs: Any) -> None:
    """Writes into the session of whoever has just logged in what they can tell it by later."""
    agent = request.META.get("HTTP_USER_AGENT", "")[:LONGEST_AGENT]
    found = {"at": timezone.now().isoformat(), "address": address_of(request), "agent": agent}
    request.session[LOGGED_IN] = found


def sessions_of(user: User, now: datetime) -> list[SignedIn]:
    """The latest first. Reads all sessions that are in force: what belongs to whom is inside of them."""
    own = [_signed_in(session, data) for session, data in _sessions(user, now)]
    return sorted(own, key=lambda one: one.at.timestamp() if one.at else 0.0, reverse=True)


def _sessions(user: User, now: datetime) -> Iterator[tuple[Session, dict[str, Any]]]:
    for session in Session.objects.filter(expire_date__gt=now).iterator(CHUNK):
        data = session.get_decoded()
        if data.get(SESSION_KEY) == str(user.pk) and data.get(HASH_SESSION_KEY) == user.get_session_auth_hash():
            yield session, data


def _signed_in(session: Session, data: dict[str, Any]) -> SignedIn:
    known = data.get(LOGGED_IN, {})
    at = datetime.fromisoformat(known["at"]) if "at" in known else None
    return SignedIn(session.session_key, at, known.get("address", ""), known.get("agent", ""))


def end_sessions(user: User, now: datetime, *, but: str = "") -> int:
    """Log `user` out everywhere, but for the session with the key `but`. Returns how many sessions ended."""
    keys = [session.session_key for session, _ in _sessions(user, now) if session.session_key != but]
    for start in range(0, len(keys), CHUNK):
        Session.objects.filter(session_key__in=keys[start : start + CHUNK]).delete()
    return len(keys)


# what people may do for others


def rights_of(user: Somebody) -> set[str]:
    return cast(User, user).get_all_permissions()


def held_by(actor: Somebody) -> QuerySet[Permission]:
    """The permissions that `actor` has."""
    granted = Permission.objects.select_related("content_type")
    held = rights_of(actor)
    ids = [one.pk for one in granted if f"{one.content_type.app_label}.{one.codename}" in held]
    return granted.filter(pk__in=ids)


def _names(permissions: QuerySet[Permission]) -> set[str]:
    columns = permissions.order_by().values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in columns}


def rights_of_group(group: Group) -> set[str]:
    return _names(group.permissions.all())


def may_hand_on(actor: Somebody, group: Group) -> bool:
    """Nobody gives a role that may do what they may not."""
    return bool(cast(User, actor).is_superuser) or rights_of_group(group) <= rights_of(actor)


def roles_of(actor: Somebody) -> list[Group]:
    """Those that `actor` may give to others."""
    return [group for group in Group.objects.order_by("pk") if may_hand_on(actor, group)]


def may_touch(actor: Somebody, other: User) -> bool:
    """Whether `actor` may edit, delete or set the password of `other`: it must not make them more powerful than they
    are, be it under another name."""
    if cast(User, actor).is_superuser:
        return True
    if other.is_superuser:
        return False
    granted = _names(Permission.objects.filter(user=other)) | _names(Permission.objects.filter(group__user=other))
    return granted <= rights_of(actor)


def may_manage(user: Somebody) -> bool:
    return cast(User, user).has_perms(MANAGE)


def password_link(request: HttpRequest, user: User) -> str:
    """The address of a page on which whoever has it sets the password of `user`, once, within PASSWORD_RESET_TIMEOUT.
    It is void once the password is set, or once they log in."""
    name = urlsafe_base64_encode(force_bytes(user.pk))
    return request.build_absolute_uri(
        reverse("account:set_password", args=[name, default_token_generator.make_token(user)])
    )


def may_open_admin(role: Group) -> bool:
    """Who manages people does so there."""
    return set(MANAGE) <= rights_of_group(role)
