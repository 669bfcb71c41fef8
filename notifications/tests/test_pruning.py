from datetime import timedelta

import pytest

from monitors.tests.builders import NOW, SECOND, see, server
from notifications import outbox
from notifications.models import Channel, Delivery

pytestmark = pytest.mark.django_db
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
    outbox.hand_over(SOON)
    Delivery.objects.update(state=state)
    assert outbox.prune(SOON) == 0
    outbox.prune(LATER)
    assert Delivery.objects.count() == kept
