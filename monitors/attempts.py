"""How often somebody may fail to log in: counted before a password is hashed, in the database, for all processes.

A name from one address is locked out, and so is an address that fails with whatever names. A name alone is slowed down
and never locked: or anybody could lock out the one who administers.
"""

from __future__ import annotations

import hashlib
import logging
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import sleep

from django.contrib.auth.models import User
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from healthcheck.peers import address_of, site
from monitors import audit
from monitors.audit import Act, Item, Subject
from monitors.models import LogInFailures
from monitors.transactions import retried_atomic

logger = logging.getLogger(__name__)

WITHIN = timedelta(minutes=15)
"""From the first failure on; then counting begins anew."""
LOCKED = timedelta(minutes=15)
MOST_OF_A_NAME_FROM_AN_ADDRESS = 5
MOST_FROM_AN_ADDRESS = 30
UNSLOWED = 10
"""Failures of a name, from wherever, before each further attempt with it has to wait."""
STEP_SECONDS, LONGEST_SECONDS = 0.1, 1.0
"""How much longer it waits with every failure, and at most: it holds a thread meanwhile."""
LONGEST_NAME = LogInFailures._meta.get_field("name").max_length or 0


class TooManyAttempts(Exception):  # noqa: N818  what happened, not what is wrong
    """Nobody was asked for their password: there were too many wrong ones before."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"locked for {wait}")
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Counted:
    """What failures are counted for: a name, an address (of IPv6, its network), or both together."""

    name: str = ""
    address: str = ""

    @property
    def key(self) -> str:
        return hashlib.sha256(f"{self.name}\0{self.address}".encode()).hexdigest()

    @property
    def limit(self) -> int | None:
        """How many failures lock it; None for what is never locked."""
        if not self.address:
            return None
        return MOST_OF_A_NAME_FROM_AN_ADDRESS if self.name else MOST_FROM_AN_ADDRESS


def passes(request: HttpRequest, name: str, check: Callable[[], bool]) -> bool:
    """Whether `check`, which hashes a password for `name`, is true.

    It counts as failed until it is known not to have: of many attempts at once no more are made than of one after the
    other. Raises TooManyAttempts instead of checking.
    """
    name, address = normal(name), address_of(request)
    pair, of_name, of_address = Counted(name, site(address)), Counted(name), Counted(address=site(address))
    now = timezone.now()
    said = {"user": repr(name), "address": address}
    failures = _count((pair, of_name, of_address), now)
    sleep(delay_seconds(failures[of_name]))
    if check():
        _forgive(pair, (of_name, of_address))
        return True
    logger.warning("failed to log in", extra=said)
    for counted in (pair, of_address):
        if failures[counted] == counted.limit:
            what = "an address is locked out" if counted is of_address else "a name is locked out at an address"
            logger.warning(what, extra={**said, "minutes": LOCKED // timedelta(minutes=1)})
    return False


def normal(name: str) -> str:
    """The same for all spellings that any database takes for one name, give or take: those share a limit."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    return "".join(letter for letter in plain if letter.isprintable() and not unicodedata.combining(letter)).strip()[
        :LONGEST_NAME
    ]


def delay_seconds(failures: int) -> float:
    """How long an attempt waits, with so many failures of its name."""
    return min(LONGEST_SECONDS, STEP_SECONDS * max(0, failures - UNSLOWED))


def _count(all_counted: Sequence[Counted], now: datetime) -> dict[Counted, int]:
    """Count one failure more for each, and lock what has reached its limit. Returns the numbers.

    Raises TooManyAttempts, and writes nothing, where one is locked.
    """
    keys = {counted.key: counted for counted in all_counted}
    _refuse_locked(list(LogInFailures.objects.filter(key__in=keys)), now)
    return _counted(keys, now)


@retried_atomic
def _counted(keys: dict[str, Counted], now: datetime) -> dict[Counted, int]:
    new = [LogInFailures(key=key, name=keys[key].name, address=keys[key].address, began_at=now) for key in sorted(keys)]
    LogInFailures.objects.bulk_create(new, ignore_conflicts=True)
    rows = list(LogInFailures.objects.select_for_update().filter(key__in=keys).order_by("key"))
    _refuse_locked(rows, now)
    for row in rows:
        if row.began_at <= now - WITHIN:
            row.count, row.began_at = 0, now
        row.count += 1
        limit = keys[row.key].limit
        row.locked_until = now + LOCKED if limit and row.count >= limit else None
    LogInFailures.objects.bulk_update(rows, ("count", "began_at", "locked_until"))
    return {keys[row.key]: row.count for row in rows}


def _refuse_locked(rows: Sequence[LogInFailures], now: datetime) -> None:
    locked = [row.locked_until for row in rows if row.locked_until and row.locked_until > now]
    if locked:
        raise TooManyAttempts(max(locked) - now)


@retried_atomic
def _forgive(pair: Counted, others: Sequence[Counted]) -> None:
    """Take back what was counted for an attempt that succeeded. The other failures from an address stay: who has an
    account must not be able to go on guessing at those of others."""
    LogInFailures.objects.filter(key=pair.key).delete()
    for counted in others:
        row = LogInFailures.objects.filter(key=counted.key)
        row.filter(count__gt=0).update(count=F("count") - 1)
        if counted.limit:
            row.filter(count__lt=counted.limit).update(locked_until=None)


def unlock(name: str = "", address: str = "") -> int:
    """Forget the failures of a name, of an address, or of all when neither is given. Returns how many were counted
    apart."""
    concerned = Q()
    if name:
        concerned &= Q(name=normal(name))
    if address:
        concerned &= Q(address=site(address))
    return forget(LogInFailures.objects.filter(concerned), timezone.now())


@retried_atomic
def forget(failures: QuerySet[LogInFailures], now: datetime) -> int:
    """Delete the counts, as somebody asked. Returns how many there were.

    Among the names that were tried only those that somebody has are written down: people type passwords where their
    name belongs.
    """
    known = {normal(name) for name in User.objects.values_list("username", flat=True)}
    rows = list(failures)
    LogInFailures.objects.filter(pk__in=[row.pk for row in rows]).delete()
    items = [Item(row.pk, str(row) if row.name in known else row.address, {"count": (row.count, 0)}) for row in rows]
    audit.record(Act.DELETED, Subject.LOG_IN_FAILURES, items, at=now)
    return len(rows)


def prune(now: datetime) -> int:
    """Forget what counts no longer. Returns how many rows went."""
    return LogInFailures.objects.filter(began_at__lte=now - max(WITHIN, LOCKED) * 2).delete()[0]
