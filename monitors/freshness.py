"""Whether what is stored of a server may still be shown as true, said in SQL, so that counts and pages agree."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    Expression,
    F,
    FloatField,
    Func,
    Q,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Greatest, Least

from monitors.fields import to_milliseconds
from monitors.models import Environment, Policy
from monitors.policy import BOUNDS
from monitors.status import Health

AHEAD = timedelta(seconds=10)
"""A probe that is dated later than now by more than this was dated by a wrong clock, and says nothing about now."""


def stale(now: datetime, *, at_the_earliest: datetime | None = None, known_by: datetime | None = None) -> Case:
    """True for a server that is watched, but was not heard of for two intervals and a timeout.

    That counts from its last probe, or from when the first one became due: its creation, an edit or a resumption; but
    not from before `at_the_earliest`. `known_by` is what time it is, where `now` is asked for in hindsight.
    """
    probed = _probed()
    heard: Expression = Coalesce(probed, _Milliseconds(F("created_at")), Value(0), output_field=BigIntegerField())
    if at_the_earliest is not None:
        heard = Greatest(heard, Value(to_milliseconds(at_the_earliest)), output_field=BigIntegerField())
    interval = _in_force("interval_seconds", settings.PROBE_INTERVAL_SECONDS)
    timeout = Least(_in_force("timeout_seconds", settings.PROBE_TIMEOUT_SECONDS), interval)
    latest = Value(float(to_milliseconds(now))) - (interval * Value(2.0) + timeout) * Value(1000.0)
    wrong = _Before(Value(to_milliseconds((known_by or now) + AHEAD)), probed)
    forgotten = Q(paused=False) & (Q(_Before(heard, latest)) | Q(wrong))
    return Case(When(forgotten, then=Value(True)), default=Value(False), output_field=BooleanField())


def _probed() -> Expression:
    """When a server was last probed, or was to be from then on, in milliseconds; null before the first time."""
    again = Q(status__health=Health.UNKNOWN) & (
        Q(status__last_checked_at=None) | Q(status__since__gt=F("status__last_checked_at"))
    )
    return Case(When(again, then=_stored("since")), default=_stored("last_checked_at"), output_field=BigIntegerField())


def _stored(column: str) -> Expression:
    """An instant as it is stored, a number."""
    return Func(F(f"status__{column}"), template="%(expressions)s", output_field=BigIntegerField())


class _Before(Func):
    arg_joiner = " < "
    template = "(%(expressions)s)"
    output_field = BooleanField()
    conditional = True


class _Milliseconds(Func):
    """A date and time as an instant is stored."""

    output_field = BigIntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST((JULIANDAY(%(expressions)s) - 2440587.5) * 86400000 AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', %(expressions)s) DIV 1000)"
        return self.as_sql(compiler, connection, template=template, **context)


def _in_force(setting: str, variable: float) -> Expression:
    """The first of server, policy and variable that says something, within its bounds: see `monitors.policy`.

    The policies are asked for by literal keys: an adopted table may have another collation than ours, and MySQL refuses
    to compare the two.
    """
    policies = [
        When(environment=environment, then=Subquery(Policy.objects.filter(pk=environment).values(setting)))
        for environment in Environment.values
    ]
    by_environment = Case(*policies, output_field=FloatField())
    said = Coalesce(F(setting), by_environment, Value(float(variable)), output_field=FloatField())
    lowest, highest = BOUNDS[setting]
    return Least(Greatest(said, Value(float(lowest))), Value(float(highest)), output_field=FloatField())
