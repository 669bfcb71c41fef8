import random
from datetime import datetime, timedelta

import pytest

from monitors import retention
from monitors.models import Gap, Incident, PastOutcome, Rollup, Server, StatusTransition, UnknownTime
from monitors.tests.builders import NOW, SECOND, see, server

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_history_grows_coarser_with_age():
    see(server(), "+" * 6)
    assert retention.prune(NOW + timedelta(hours=23)) == 0
    retention.prune(NOW + 2 * DAY)
    assert not PastOutcome.objects.exists()
    resolutions = Rollup.objects.values_list("resolution", flat=True).order_by("resolution").distinct
    assert list(resolutions()) == [Rollup.MINUTE, Rollup.HOUR, Rollup.DAY]
    retention.prune(NOW + 8 * DAY)
    assert list(resolutions()) == [Rollup.HOUR, Rollup.DAY]
    retention.prune(NOW + 91 * DAY)
    assert list(resolutions()) == [Rollup.DAY]
    retention.prune(NOW + 1097 * DAY)
    assert list(resolutions()) == []


def test_more_than_a_chunk_is_deleted_a_chunk_at_a_time(monkeypatch):
    see(server(), "+" * 25)
    monkeypatch.setattr(retention, "CHUNK", 10)
    retention.prune(NOW + 2 * DAY)
    assert not PastOutcome.objects.exists()


def test_open_incidents_and_transitions_nobody_was_handed_stay():
    see(server(), "+--")
    Gap.objects.create(began_at=NOW, ended_at=NOW)
    retention.prune(NOW + 2000 * DAY)
    assert Incident.objects.count() == 1
    assert StatusTransition.objects.count() == 2
    assert not Gap.objects.exists()


def outcomes(target: Server, *slots: datetime) -> None:
    rows = [PastOutcome(server=target, slot=slot, elapsed_us=1) for slot in slots]
    PastOutcome.objects.bulk_create(rows, batch_size=900)


CLOCKS = {  # when a clock that was wrong dated rows, which are stored before those that are past their time
    "a year ahead": 400 * DAY,
    "hours ahead": 7 * HOUR,
    "hours ago": -3 * HOUR,
}


@pytest.mark.parametrize("wrong", CLOCKS.values(), ids=CLOCKS)
def test_outcomes_of_a_wrong_clock_do_not_stop_pruning(wrong, monkeypatch):
    monkeypatch.setattr(retention, "CHUNK", 10)
    target = server()
    outcomes(target, *(NOW + wrong + n * SECOND for n in range(300)))
    outcomes(target, *(NOW - 3 * DAY + n * SECOND for n in range(100)))
    outcomes(target, *(NOW - HOUR / 2 + n * SECOND for n in range(50)))
    retention.prune(NOW)
    assert not PastOutcome.objects.filter(slot__lt=NOW - DAY).exists()
    assert PastOutcome.objects.filter(slot__range=(NOW - HOUR / 2, NOW)).count() == 50


def test_outcomes_are_found_in_whatever_order_they_are_stored(monkeypatch):
    monkeypatch.setattr(retention, "CHUNK", 10)
    slots = [NOW - 3 * DAY + n * HOUR for n in range(72)]
    random.Random(7).shuffle(slots)
    outcomes(server(), *slots)
    retention.prune(NOW)
    assert sorted(PastOutcome.objects.values_list("slot", flat=True)) == sorted(at for at in slots if at >= NOW - DAY)


def test_of_a_long_table_a_run_looks_at_a_bounded_part(monkeypatch):
    for name, most in (("CHUNK", 10), ("MOST_CHUNKS", 3), ("SAMPLES", 20)):
        monkeypatch.setattr(retention, name, most)
    outcomes(server(), *(NOW - 3 * DAY + n * SECOND for n in range(100)))
    assert [retention.prune(NOW) for _ in range(5)] == [30, 30, 30, 10, 0]


def test_details_of_a_time_that_no_clock_can_have_reached_are_deleted_and_sums_of_it_wait(settings):
    target = server()
    see(target, "+--", NOW + 30 * DAY)
    assert retention.prune(NOW) == 3 + 1  # the outcomes and their minute
    assert set(Rollup.objects.values_list("resolution", flat=True)) == {Rollup.HOUR, Rollup.DAY}
    assert Incident.objects.exists()
    assert StatusTransition.objects.exists()


def test_what_is_a_little_ahead_stays():
    see(server(), "+++", NOW + HOUR)
    assert retention.prune(NOW) == 0


def test_unknown_time_is_kept_as_long_as_incidents():
    target = server()
    see(target, "+", NOW)
    see(target, "+", NOW + HOUR)
    retention.prune(NOW + 1_000 * DAY)
    assert UnknownTime.objects.count() == 2
    retention.prune(NOW + 1_097 * DAY)
    assert not UnknownTime.objects.exists()
