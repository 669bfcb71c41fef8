from datetime import timedelta

import pytest

from monitors.tests.builders import NOW, SECOND, see, server
from notifications import outbox
from notifications.models import Channel, Delivery
from notifications.outbox import counting

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
SOON = NOW + 60 * SECOND
LATER = NOW + timedelta(days=91)


@pytest.mark.parametrize(
    ("outcomes", "state", "kept"),
    [("+--++", "sent", 0), ("+--++", "pending", 2), ("+--", "sent", 1)],
    ids=["told and over", "still to be told", "the outage goes on"],
)
def test_old_deliveries_go_when_nothing_needs_them(outcomes, state, kept):
    Channel.objects.create(channel_id="C1")
    see(server(), outcomes)
    outbox.fan_out_news(SOON)
    Delivery.objects.update(state=state)
    assert outbox.prune(SOON) == 0
    outbox.prune(LATER)
    assert Delivery.objects.count() == kept


def test_what_a_clock_years_ahead_has_made_grows_old_all_the_same():
    Channel.objects.create(channel_id="C1")
    see(server(), "+--++")
    outbox.fan_out_news(SOON)
    Delivery.objects.update(state="sent", created_at=NOW + timedelta(days=3_650))
    outbox.prune(SOON)
    outbox.prune(LATER)
    assert not Delivery.objects.exists()


def test_old_deliveries_of_outages_that_go_on_hold_up_no_others(monkeypatch):
    monkeypatch.setattr(counting, "CHUNK", 2)
    Channel.objects.create(channel_id="C1")
    for outcomes in ("+--", "+--", "+--", "+--++"):
        see(server(), outcomes)
    outbox.fan_out_news(SOON)
    Delivery.objects.update(state="sent")
    outbox.prune(LATER)
    assert Delivery.objects.count() == 3
