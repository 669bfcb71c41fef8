from datetime import timedelta

import pytest

from monitors import retention
from monitors.models import Gap, Incident, PastOutcome, Rollup, StatusTransition
from monitors.tests.builders import NOW, see, server

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


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
