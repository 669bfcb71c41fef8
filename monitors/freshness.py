"""Whether what is stored of a server may still be shown as true, said in SQL, so that counts and pages agree."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db.models import BooleanField, Case, Expression, F, FloatField, Q, Subquery, Value, When
from django.db.models.functions import Coalesce, Least

from monitors.fields import to_milliseconds
from monitors.models import Environment, Policy
from monitors.status import Health


def stale(now: datetime) -> Case:
    """True for a server that is watched and has a health, but was not heard of for two intervals and a timeout.

    A server without a health claims nothing, so it cannot be out of date.
    """
    interval = _in_force("interval_seconds", settings.PROBE_INTERVAL_SECONDS)
    timeout = Least(_in_force("timeout_seconds", settings.PROBE_TIMEOUT_SECONDS), interval)
    latest = Value(float(to_milliseconds(now))) - (interval * Value(2.0) + timeout) * Value(1000.0)
    claims = Q(paused=False, status__health__in=(Health.HEALTHY, Health.UNHEALTHY))
    forgotten = claims & Q(status__last_checked_at__lt=latest)
    return Case(When(forgotten, then=Value(True)), default=Value(False), output_field=BooleanField())


def _in_force(setting: str, variable: float) -> Expression:
    """The first of server, policy and variable that says something.

    The policies are asked for by literal keys: an adopted table may have another collation than ours, and MySQL refuses
    to compare the two.
    """
    policies = [
        When(environment=environment, then=Subquery(Policy.objects.filter(pk=environment).values(setting)))
        for environment in Environment.values
    ]
    by_environment = Case(*policies, output_field=FloatField())
    return Coalesce(F(setting), by_environment, Value(float(variable)), output_field=FloatField())
