"""People, as far as they are made and changed outside of the admin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.contrib.auth.models import Group, User

from monitors import audit
from monitors.audit import Act, Item, Subject
from monitors.people import end_sessions, may_open_admin, preferences_of
from monitors.transactions import retried_atomic


def add_superuser(name: str, password: str | None, *, email: str = "", now: datetime) -> None:
    """Somebody who may do everything; without a password they cannot log in yet. Raises IntegrityError when the name is
    taken."""
    user = User(
        username=User.normalize_username(name),
        email=User.objects.normalize_email(email),
        is_staff=True,
        is_superuser=True,
    )
    user.set_password(password)  # takes its time, on purpose: not while others wait for locks
    _add(user, now)


@retried_atomic
def _add(user: User, now: datetime) -> None:
    user.save(force_insert=True)
    audit.record(Act.CREATED, Subject.USER, [Item(user.pk, user.get_username(), audit.created(user))], at=now)


@retried_atomic
def add_person(name: str, role: Group, *, now: datetime) -> User:
    """Somebody with `role`, who cannot log in before they have set a password. Who manages people does so in the admin,
    and may open it. Raises IntegrityError when the name is taken."""
    user = User(username=name, is_staff=may_open_admin(role))
    user.set_unusable_password()
    user.save()
    user.groups.add(role)
    changes = {**audit.created(user), "groups": (None, [role.name])}
    audit.record(Act.CREATED, Subject.USER, [Item(user.pk, name, changes)], at=now)
    return user


def set_password(user: User, password: str | None, *, now: datetime) -> None:
    """None: nobody logs in with a password any more. Who comes by a link is logged in as nobody, and acts as `user`."""
    before = _usable(user)
    user.set_password(password)  # takes its time, on purpose: not while others wait for locks
    _store_password(user, before, now)


@retried_atomic
def _store_password(user: User, before: str | None, now: datetime) -> None:
    user.save(update_fields=["password"])
    name, changes = user.get_username(), {"password": (before, _usable(user))}
    audit.record(Act.CHANGED, Subject.USER, [Item(user.pk, name, changes)], at=now, actor=name)


def _usable(user: User) -> str | None:
    return user.password if user.has_usable_password() else None


@retried_atomic
def set_preferences(user: User, save: Callable[[], object], *, now: datetime) -> None:
    """What `save` does to the name, the language and the time zone of `user`."""
    before = preferences_of(User.objects.get(pk=user.pk))
    save()
    changes = audit.differences(before, preferences_of(User.objects.get(pk=user.pk)))
    audit.record(Act.CHANGED, Subject.USER, [Item(user.pk, user.get_username(), changes)], at=now)


@retried_atomic
def log_out_elsewhere(user: User, *, but: str, now: datetime) -> int:
    """End every session of `user` but the one with the key `but`. Returns how many those were."""
    ended = end_sessions(user, now, but=but)
    changes = {"other_sessions": (ended, 0)} if ended else {}
    audit.record(Act.CHANGED, Subject.USER, [Item(user.pk, user.get_username(), changes)], at=now)
    return ended


def note_link(user: User, *, now: datetime) -> None:
    """A link to set the password of `user` is handed to whoever manages people. It is stored nowhere."""
    audit.record(Act.LINKED, Subject.USER, [Item(user.pk, user.get_username(), {})], at=now)
