"""Rows turn stale and fresh again though nothing is stored then; open pages are told, but not too often."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.utils import timezone

from monitors.claiming import SILENCE
from monitors.dashboard import pulse
from monitors.freshness import stale
from monitors.live import hub as hubs
from monitors.live.aging import ALL_EVERY, Aging
from monitors.live.hub import Hub, Stream
from monitors.live.news import MOST_SERVERS, changed_since, summary
from monitors.models import Gap, Heartbeat, Server, ServerStatus, StatusTransition
from monitors.tests.builders import NOW, SECOND, see, server
from monitors.tests.fleet import fleet

HOUR = timedelta(hours=1)
PATIENCE_SECONDS = 20


def beats(now: datetime, outcome_at: datetime | None = None) -> None:
    """The schedule goes on, and the last outcome came then."""
    Heartbeat.objects.update_or_create(name="tick", defaults={"at": now})
    if outcome_at:
        Heartbeat.objects.update_or_create(name="outcomes", defaults={"at": outcome_at})


# whether the workers do what the schedule asks for


@pytest.mark.django_db
def test_a_schedule_that_nobody_answers_is_late():
    see(server(), "+", start=NOW)  # interval 10 s, timeout 5 s: out of date after 25 s
    for seconds, late in ((24, False), (27, True)):
        now = NOW + seconds * SECOND
        beats(now, outcome_at=NOW)
        found = pulse(now)
        assert (found.late, found.unanswered_since) == (late, NOW if late else None)
    beats(now, outcome_at=now)
    assert not pulse(now).late


@pytest.mark.django_db
def test_a_server_that_alone_is_not_seen_is_no_fault_of_the_workers():
    for target, at in ((server(), NOW), (server(), NOW + 60 * SECOND)):
        see(target, "+", start=at)
    beats(NOW + 72 * SECOND, outcome_at=NOW + 60 * SECOND)
    assert not pulse(NOW + 72 * SECOND).late


@pytest.mark.django_db
def test_the_shortest_interval_decides_however_many_servers_have_an_hour():
    for interval in (3600, 3600, 10):
        see(server(interval_seconds=interval), "+", start=NOW)
    beats(NOW + 40 * SECOND, outcome_at=NOW + SECOND)
    assert pulse(NOW + 40 * SECOND).late
    Server.objects.filter(interval_seconds=10).update(paused=True)
    assert not pulse(NOW + 40 * SECOND).late


@pytest.mark.django_db
def test_intervals_of_an_hour_are_no_alarm_and_are_waited_for_after_a_start():
    see(server(interval_seconds=3600), "+", start=NOW)
    beats(NOW + 2 * HOUR, outcome_at=NOW)
    assert not pulse(NOW + 2 * HOUR).late
    now = NOW + 6 * HOUR
    beats(now)
    Gap.objects.create(began_at=NOW + HOUR, ended_at=now - timedelta(minutes=59))  # it was down, and just began
    assert not pulse(now).late
    beats(now + 2 * HOUR)
    assert pulse(now + 2 * HOUR).late


@pytest.mark.django_db
def test_servers_that_were_never_looked_at_are_no_alarm():
    server(), server()
    beats(NOW + HOUR)
    assert not pulse(NOW + HOUR).late
    beats(NOW + HOUR, outcome_at=NOW - HOUR)  # of servers that are gone
    Server.objects.all().delete()
    assert not pulse(NOW + HOUR).late


@pytest.mark.django_db
def test_the_pulse_is_one_query_and_another_while_no_outcome_comes(django_assert_num_queries):
    fleet(20, NOW)
    beats(NOW, outcome_at=NOW)
    with django_assert_num_queries(1):
        pulse(NOW)
    beats(NOW + 11 * SECOND)
    with django_assert_num_queries(2):
        pulse(NOW + 11 * SECOND)


# which rows


@pytest.mark.django_db
def test_what_turns_stale_is_named_and_so_is_what_is_seen_again():
    targets = [server() for _ in range(3)]
    for target, seconds in zip(targets, (0, 6, 12), strict=True):
        see(target, "+", start=NOW + seconds * SECOND)
    aging = Aging()
    turned = []
    for seconds in (20, 27, 33):
        beats(NOW + seconds * SECOND)
        turned.append(aging.turned(summary(NOW + seconds * SECOND)))
    assert turned == [frozenset(), {targets[0].pk}, {targets[1].pk}]
    see(targets[0], "+", start=NOW + 34 * SECOND)
    beats(NOW + 36 * SECOND)
    assert aging.turned(summary(NOW + 36 * SECOND)) == frozenset([targets[0].pk])


@pytest.mark.django_db
def test_a_down_server_that_is_not_seen_is_news_too():
    target = server()
    beats(NOW)
    see(target, "--", start=NOW - 10 * SECOND)
    before = summary(NOW)
    beats(NOW + 40 * SECOND)
    aging = Aging()
    aging.turned(before)
    after = summary(NOW + 40 * SECOND)
    assert after.outlook != before.outlook
    assert aging.turned(after) == frozenset([target.pk])


@pytest.mark.django_db
def test_nothing_is_asked_while_nothing_is_stale(django_assert_num_queries):
    see(server(), "+", start=NOW)
    beats(NOW)
    said = summary(NOW)
    with django_assert_num_queries(0):
        assert Aging().turned(said) == frozenset()


@pytest.mark.django_db
def test_more_than_can_be_named_are_told_as_all_at_most_every_half_minute():
    now = NOW
    fleet(MOST_SERVERS + 200, now)
    ServerStatus.objects.filter(health="HEALTHY").update(last_checked_at=now)
    flickering = list(ServerStatus.objects.filter(health="HEALTHY").values_list("pk", flat=True)[:5])
    aging = Aging()
    aging.turned(summary(now))
    ServerStatus.objects.filter(health="HEALTHY").update(last_checked_at=now - HOUR)
    told = []
    for step in range(25):  # two minutes; a few are seen, and are not, in turn
        at = now + step * 5 * SECOND
        seen = at if step % 2 else now - HOUR
        ServerStatus.objects.filter(pk__in=flickering).update(last_checked_at=seen)
        beats(at)
        if aging.turned(summary(at + SECOND)) is None:
            told.append(at)
    assert len(told) == 4
    assert all(later - earlier >= ALL_EVERY for earlier, later in pairwise(told))


@pytest.mark.django_db
def test_pages_learn_of_both_ends_of_a_silence_by_themselves():
    target = server()
    see(target, "+", start=NOW)
    aging = Aging()
    turned = []
    for seconds, outcome in ((10, 0), (30, 0), (40, 0), (45, 44)):
        now = NOW + seconds * SECOND
        if outcome:
            see(target, "+", start=NOW + outcome * SECOND)
        beats(now, outcome_at=NOW + outcome * SECOND)
        said = summary(now)
        turned.append((said.late, aging.turned(said)))
    assert turned == [(False, frozenset()), (True, frozenset()), (True, frozenset()), (False, frozenset())]


# open pages


@pytest.mark.django_db(transaction=True)
def test_an_open_page_hears_that_a_server_turned_stale_and_was_seen_again(redis_server, settings, monkeypatch):
    settings.REDIS_URL = redis_server
    monkeypatch.setattr(hubs, "CATCH_UP_SECONDS", 0.1)
    now = timezone.now()
    beats(now + SILENCE)  # trusted until twice that has passed
    targets = [server(host_name=name) for name in ("web-1", "web-2")]
    for target in targets:
        see(target, "++", start=now - 15 * SECOND)
    Server.objects.update(updated_at=now - HOUR)
    StatusTransition.objects.all().delete()
    checked = ServerStatus.objects.filter(pk=targets[0].pk)

    async def heard() -> list[list[int]]:
        hub, found = Hub(), []
        events = hub.listen(Stream(None), None)
        await anext(events)
        first = await _news(events)  # what all look like
        for seconds in (300, 0):
            await sync_to_async(checked.update)(last_checked_at=timezone.now() - seconds * SECOND)
            told = first
            while targets[0].pk not in told["servers"]:
                told = await _news(events)
            found.append(told["servers"])
        hub.end()
        async for _ in events:
            pass
        return found

    found = asyncio.run(asyncio.wait_for(heard(), PATIENCE_SECONDS))
    assert found == [[targets[0].pk], [targets[0].pk]]


async def _news(events):
    while not (event := await anext(events)).startswith(b"id:"):
        pass
    return json.loads(event.split(b"data: ")[1])


@pytest.mark.django_db
def test_every_page_names_the_workers_that_hang_in_no_more_queries(client, django_assert_max_num_queries):
    now = timezone.now()
    fleet(20, now)
    ServerStatus.objects.update(last_checked_at=now - HOUR)
    beats(now, outcome_at=now - HOUR)
    client.force_login(User.objects.create_superuser("root"))
    target = Server.objects.get(host_name="web-1")
    for path, most in (("/", 12), (f"/servers/{target.pk}/", 30), ("/admin/", 14)):
        with django_assert_max_num_queries(most):
            page = client.get(path).content.decode()
        assert "workers of the queue “probes”" in page
        assert "health-healthy" not in page.split('id="transitions"')[0]


# instants of a wrong clock


@pytest.mark.django_db
@pytest.mark.parametrize(("ahead", "late"), [(5, False), (60, True), (3600, True)])
def test_a_tick_from_the_future_is_no_sign_that_something_is_probed(ahead, late):
    beats(NOW + ahead * SECOND)
    assert pulse(NOW).late is late


@pytest.mark.django_db
@pytest.mark.parametrize(("ahead", "stale_now"), [(5, False), (60, True), (3600, True)])
def test_a_probe_from_the_future_is_no_sign_that_a_server_was_seen(ahead, stale_now):
    see(server(), "+", start=NOW + ahead * SECOND)
    assert Server.objects.annotate(old=stale(NOW)).filter(old=True).exists() is stale_now


@pytest.mark.django_db
def test_workers_that_hang_are_told_although_their_last_outcome_is_dated_ahead():
    see(server(), "+", start=NOW - HOUR)
    beats(NOW, outcome_at=NOW + HOUR)
    assert pulse(NOW).late


@pytest.mark.django_db
def test_a_gap_that_another_clock_made_is_not_told():
    beats(NOW)
    Gap.objects.create(began_at=NOW, ended_at=NOW + HOUR)
    assert pulse(NOW).gap_ended_at is None


@pytest.mark.django_db
def test_a_page_that_was_told_by_another_clock_asks_for_everything():
    assert changed_since(NOW + HOUR, NOW) is None
    assert changed_since(NOW + 2 * SECOND, NOW) == frozenset()


@pytest.mark.django_db
def test_pages_are_told_on_although_the_clock_was_set_back():
    beats(NOW)
    target = server()
    see(target, "+", start=NOW)
    aging = Aging()
    aging.turned(summary(NOW + HOUR))
    beats(NOW)
    assert aging.turned(summary(NOW)) is not None
    ServerStatus.objects.update(last_checked_at=NOW - HOUR)
    assert aging.turned(summary(NOW + 3 * SECOND)) == frozenset({target.pk})
