"""A wave is handed over in a number of statements that does not grow with it."""

from __future__ import annotations

from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitors.tests.builders import INTERVAL, NOW
from notifications import outbox
from notifications.models import Channel, Delivery, Storm
from notifications.tests.waves import fleet, look

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
WAVES = {"LIVE": 10, "STAGE": 400}


def statements(now) -> Counter[str]:
    """Of a hand-over, by their first word, without inserts: SQLite takes some dozen rows at once."""
    with CaptureQueriesContext(connection) as captured:
        outbox.fan_out_news(now)
    words = Counter(query["sql"].split()[0] for query in captured)
    del words["INSERT"]
    return words


@pytest.mark.parametrize("channels", [1, 3])
def test_a_wave_is_handed_over_in_a_constant_number_of_statements(channels):
    for number in range(channels):
        Channel.objects.create(channel_id=f"C{number}")
    fleets = {name: fleet(size + size // 2, environment=name) for name, size in WAVES.items()}
    counted: dict[str, list[Counter[str]]] = {}
    for name, size in WAVES.items():
        first, rest = fleets[name][:size], fleets[name][size:]
        counted[name] = []
        for step, (servers, ok) in enumerate([(first, False), (rest, False), (rest, True), (first, True)]):
            look(servers, NOW + step * INTERVAL, ok=ok)
            counted[name].append(statements(NOW + step * INTERVAL))
    assert counted["LIVE"] == counted["STAGE"]
    assert [sum(words.values()) for words in counted["LIVE"]] <= [13 + 6 * channels] * 4
    assert Storm.objects.exclude(ended_at=None).count() == 2 * channels
    assert Delivery.objects.filter(state="pending").count() == 4 * channels


def test_a_tick_without_news_asks_five_statements_and_takes_no_lock(django_assert_num_queries):
    Channel.objects.create(channel_id="C1")
    with django_assert_num_queries(5) as captured:
        outbox.show_acknowledged(NOW)
        assert list(outbox.fan_out_in_parts(lambda: NOW)) == [0]
        assert outbox.due_channels(NOW) == []
    assert {query["sql"].split()[0] for query in captured} == {"SELECT"}
    assert not any("FOR UPDATE" in query["sql"] for query in captured)
