"""What an open page is told, and what a refresh costs."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
import redis
from django.utils import timezone

from monitors import recording
from monitors.dashboard import ServerFilter
from monitors.live.bell import CHANNEL
from monitors.live.news import (
    MOST_SERVERS,
    News,
    Viewer,
    changed_since,
    instant_of,
    merged,
    missed_since,
    servers_of,
    summary,
)
from monitors.models import Heartbeat, Incident, Server, StatusTransition
from monitors.tests.builders import SECOND, observation, see, server
from monitors.tests.fleet import fleet
from monitors.tests.people import client_of, person


@pytest.fixture
def now():
    return timezone.now()


# what changed


@pytest.mark.django_db
def test_what_changed_is_found_in_the_database(now):
    old, failed, switched = (server(host_name=name) for name in ("old", "failed", "switched"))
    Server.objects.update(updated_at=now - timedelta(hours=1))
    assert changed_since(now - timedelta(seconds=30), now) == frozenset()
    recording.record([observation(failed.pk, now + n * SECOND, ok=False) for n in range(2)])
    recording.set_notification([switched.pk], False, actor="somebody", now=now)
    assert changed_since(now - timedelta(seconds=30), now) == frozenset([failed.pk, switched.pk])
    assert old.pk not in (changed_since(now - timedelta(seconds=30), now) or ())


@pytest.mark.django_db
def test_whoever_was_away_for_long_or_missed_too_much_starts_over(now):
    assert changed_since(now - timedelta(minutes=11), now) is None
    fleet(MOST_SERVERS + 1, now)
    assert changed_since(now - timedelta(seconds=30), now) is None


@pytest.mark.django_db
def test_whoever_was_away_is_told_also_what_grew_stale_meanwhile(now):
    grown, already, fresh = (server() for _ in range(3))
    for target, seconds in ((grown, 30), (already, 300), (fresh, 12)):  # out of date after 25 s
        see(target, "+", start=now - seconds * SECOND)
    Server.objects.update(updated_at=now - timedelta(hours=1))
    StatusTransition.objects.all().delete()
    assert missed_since(now - 6 * SECOND, now) == frozenset([grown.pk])
    assert missed_since(now - timedelta(minutes=11), now) is None


MESSAGES = {
    "some": ({"servers": [1, 2]}, {1, 2}),
    "none, but something that is summed up": ({"servers": []}, frozenset()),
    "too many to name": ({"all": True}, None),
}


@pytest.mark.parametrize(("message", "servers"), MESSAGES.values(), ids=MESSAGES)
def test_a_message_names_servers_or_stands_for_all(message, servers):
    assert servers_of(message) == servers


def test_news_that_wait_are_told_together():
    assert merged({1}, {2}) == frozenset([1, 2])
    assert merged(None, {2}) is None
    assert merged(range(MOST_SERVERS), {MOST_SERVERS + 1}) is None


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "9" * 15, "١"])
def test_what_is_no_id_is_ignored(text):
    assert instant_of(text) is None


@pytest.mark.django_db
def test_the_id_of_news_is_where_to_go_on_from(now):
    assert abs(instant_of(News(summary(now), frozenset()).as_dict()["id"]) - now) < timedelta(milliseconds=1)


# the bell


@pytest.mark.django_db(transaction=True)
def test_a_change_is_announced_once_it_is_stored_and_not_before(redis_server, settings, now):
    settings.REDIS_URL = redis_server
    target = server()
    with redis.Redis.from_url(redis_server) as client, client.pubsub() as subscription:
        subscription.subscribe(CHANNEL)
        recording.record([observation(target.pk, now + n * SECOND, ok=False) for n in range(2)])
        heard: set[int] = set()
        while target.pk not in heard:
            message = subscription.get_message(ignore_subscribe_messages=True, timeout=10)
            heard |= set(json.loads(message["data"])["servers"]) if message else set()


@pytest.mark.django_db
def test_what_is_rolled_back_is_not_announced(now, django_capture_on_commit_callbacks):
    target = server()
    with django_capture_on_commit_callbacks() as callbacks:
        recording.record([observation(target.pk, now, ok=False)])
    assert callbacks == []  # one failure is no news
    with django_capture_on_commit_callbacks() as callbacks:
        recording.record([observation(target.pk, now + SECOND, ok=False)])
    assert len(callbacks) == 1


# what an open dashboard is told


def looker(*, changes_servers: bool = False, **chosen: str) -> Viewer:
    return Viewer("en", True, changes_servers, tuple(ServerFilter(chosen).chosen().items()))


@pytest.mark.django_db
def test_news_bring_the_rows_that_changed_in_five_queries_and_a_few_kilobytes(now, django_assert_max_num_queries):
    fleet(1_000, now)
    target = Server.objects.get(host_name="web-5")
    with django_assert_max_num_queries(5):
        told = News(summary(now), frozenset([target.pk])).told(looker(), now)
    assert re.findall(r'<tr id="s(\d+)"', told["rows"]) == [str(target.pk)]
    assert "sentences" in told["board"]
    assert len(json.dumps(told)) < 10_000


@pytest.mark.django_db
def test_the_rows_of_news_are_those_that_a_page_would_ask_for(client, now):
    client.force_login(person("operator"))
    targets = [server(host_name=f"web-{n}") for n in range(2)]
    see(targets[0], "--", start=now - 15 * SECOND)
    ids = frozenset(target.pk for target in targets)
    said = News(summary(now), ids).told(looker(changes_servers=True, q="web"), now)
    asked = client.get(f"/rows/?q=web&late={str(said['late']).lower()}&ids={','.join(map(str, ids))}").content.decode()
    untimed = re.compile(r"<time.*?</time>")
    assert untimed.sub("", said["rows"]) == untimed.sub("", asked)


@pytest.mark.django_db
def test_news_bring_no_row_that_the_list_leaves_out_and_no_switch_that_is_not_theirs(now):
    shown, other = server(host_name="web-1"), server(host_name="chat-1", environment="DEV")
    told = News(summary(now), frozenset([shown.pk, other.pk])).told(looker(environment="LIVE"), now)
    assert re.findall(r'<tr id="s(\d+)"', told["rows"]) == [str(shown.pk)]
    assert "switch" not in told["rows"]


@pytest.mark.django_db
def test_news_of_too_much_or_of_no_server_bring_no_rows_and_a_script_gets_no_html(now):
    target = server()
    assert "rows" not in News(summary(now), None).told(looker(), now)
    assert "rows" not in News(summary(now), frozenset()).told(looker(), now)
    assert not {"rows", "board"} & News(summary(now), frozenset([target.pk])).told(None, now).keys()


# what a page asks for


@pytest.fixture
def viewer(client):
    client.force_login(person("viewer"))
    return client


@pytest.mark.django_db
def test_a_refresh_after_one_change_is_five_queries_and_a_few_kilobytes(viewer, now, django_assert_max_num_queries):
    fleet(1_000, now)
    target = Server.objects.get(host_name="web-5")
    with django_assert_max_num_queries(5):
        response = viewer.get(f"/rows/?environment=&q=web&ids={target.pk}")
    said = summary(now)
    event = json.dumps(News(said, frozenset([target.pk])).as_dict(said.board("ko", sees_incidents=True)))
    assert response.content.count(b"<tr") == 1
    assert len(response.content) + len(event) < 10_000


@pytest.mark.django_db
def test_the_sum_of_all_servers_is_three_queries(now, django_assert_num_queries):
    fleet(100, now)
    with django_assert_num_queries(3):
        summary(now).board("en", sees_incidents=True)


@pytest.mark.django_db
def test_only_the_rows_that_the_page_shows_are_handed_out(viewer, now):
    shown, other = server(host_name="web-1"), server(host_name="chat-1", environment="DEV")
    page = viewer.get(f"/rows/?environment=LIVE&ids={shown.pk},{other.pk},0,x,{'9' * 30}").content.decode()
    assert re.findall(r'<tr id="s(\d+)"', page) == [str(shown.pk)]


@pytest.mark.django_db
def test_a_page_without_a_stream_asks_for_the_same(viewer, now):
    Heartbeat.objects.create(name="tick", at=now)
    target = server(host_name="web-1")
    see(target, "--", start=now - 15 * SECOND)
    answer = viewer.get(f"/live/?since={int((now.timestamp() - 60) * 1000)}").json()
    assert (answer["servers"], answer["down"], answer["late"]) == ([target.pk], 1, False)
    assert "1 of 1 down for" in answer["board"]
    assert viewer.get("/live/").json()["all"] is True


@pytest.mark.django_db
def test_incidents_are_for_those_who_may_see_them(now):
    see(server(host_name="web-1"), "--", start=now - 15 * SECOND)
    assert Incident.objects.count() == 1
    said = summary(now)
    assert "open-incidents" in said.board("en", sees_incidents=True)
    assert "open-incidents" not in said.board("en", sees_incidents=False)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/rows/?ids=1", "/live/"])
def test_a_stranger_gets_no_part_of_a_page(client, path):
    assert client.get(path).status_code == 302
    client.force_login(person())
    assert client.get(path).status_code == 403


@pytest.mark.django_db
def test_events_take_the_right_to_see_servers(client):
    assert client.get("/api/events/").status_code == 401
    assert client_of().get("/api/events/").status_code == 403
    response = client_of("viewer").get("/api/events/", HTTP_ACCEPT="text/event-stream")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/event-stream")
    assert "no-store" in response["Cache-Control"]
    response.close()


@pytest.mark.django_db
def test_a_viewer_may_not_press_the_switch_of_a_row(viewer):
    target = server()
    assert viewer.post("/", {"notify": f"{target.pk}:0"}).status_code == 403
    assert Server.objects.get().notification


@pytest.mark.django_db
def test_the_switch_of_a_row_works_without_a_script(client):
    target = server()
    client.force_login(person("operator"))
    assert client.post("/?q=web", {"notify": f"{target.pk}:0"})["Location"] == "/?q=web"
    assert not Server.objects.get().notification
    assert client.post("/", {"notify": "x"}).status_code == 302


# budgets


@pytest.mark.django_db
def test_the_first_page_of_ten_thousand_servers_is_under_150_kilobytes(client, now, django_assert_max_num_queries):
    fleet(10_000, now)
    client.force_login(person("operator"))
    for query in ("", "?page=2", "?q=web&sort=uptime"):
        with django_assert_max_num_queries(12):
            response = client.get(f"/{query}")
        assert response.content.count(b'<tr id="s') == 100
        assert len(response.content) < 150_000
