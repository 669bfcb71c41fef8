"""Who loses a deadlock starts over, not at once, and not for ever."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection, transaction

from monitors import transactions
from monitors.transactions import ATTEMPTS, retried_atomic

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
DEADLOCK, LOCK_WAIT, OTHER = 1213, 1205, 1045


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """How long it would have waited each time."""
    waited: list[float] = []
    monkeypatch.setattr("monitors.transactions.time.sleep", waited.append)
    return waited


def failing(times, code):
    """A transaction that fails so many times; returns how often it was tried."""
    tried = []

    @retried_atomic
    def run():
        tried.append(connection.in_atomic_block)
        if len(tried) <= times:
            raise OperationalError(code, "refused")
        return len(tried)

    return run


@pytest.mark.parametrize("code", [DEADLOCK, LOCK_WAIT])
@pytest.mark.parametrize("times", range(ATTEMPTS))
def test_a_transaction_that_loses_is_run_again_after_a_pause(times, code, pauses, caplog):
    caplog.set_level("INFO")
    assert failing(times, code)() == times + 1
    assert len(pauses) == times
    for attempt, seconds in enumerate(pauses, 1):
        assert 0 <= seconds <= transactions.PAUSE_SECONDS * 2**attempt
    told = [(record.message, record.code) for record in caplog.records]
    assert told == [("transaction run again", code)] * times


def test_one_that_loses_every_time_fails(pauses):
    with pytest.raises(OperationalError):
        failing(ATTEMPTS, DEADLOCK)()
    assert len(pauses) == ATTEMPTS - 1


def test_what_is_no_deadlock_fails_at_once(pauses):
    with pytest.raises(OperationalError):
        failing(1, OTHER)()
    assert pauses == []


def test_within_a_transaction_only_the_outermost_starts_over(pauses):
    with pytest.raises(OperationalError), transaction.atomic():
        failing(1, DEADLOCK)()
    assert pauses == []
