"""The pages, as people with each role meet them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from monitors import recording
from monitors.dashboard import ENVIRONMENTS, Tally, sentences
from monitors.models import Environment, Gap, Heartbeat, Policy, Server, ServerStatus
from monitors.tests.answers import text
from monitors.tests.builders import NOW, SECOND, see, server
from monitors.tests.people import person
from notifications.models import Channel

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"
SECRET = "Bearer very-secret-value"


@pytest.fixture
def now():
    """The pages ask the clock; what is stored is dated from it."""
    return timezone.now()


@pytest.fixture
def ticking(now):
    Heartbeat.objects.create(name="tick", at=now)


@pytest.fixture
def viewer(client):
    client.force_login(person("viewer"))
    return client


@pytest.fixture
def operator(client):
    client.force_login(person("operator"))
    return client


def names(response) -> list[str]:
    """The servers listed, in their order."""
    return [row.server.host_name for row in response.context["listing"].rows]


# sentences


SENTENCES = {  # what there is in LIVE: what is said
    "all healthy": ({"HEALTHY": 52}, "HEALTHY", "all 52 healthy"),
    "one healthy": ({"HEALTHY": 1}, "HEALTHY", "1 server, healthy"),
    "some down": ({"HEALTHY": 16, "UNHEALTHY": 2}, "UNHEALTHY", "2 of 18 down"),
    "down is worse than unknown": ({"UNKNOWN": 3, "UNHEALTHY": 1}, "UNHEALTHY", "1 of 4 down, 3 unknown"),
    "not seen is no green lie": ({"HEALTHY": 5, "STALE": 1}, "STALE", "1 of 6 not seen lately"),
    "not seen beside paused": ({"HEALTHY": 51, "STALE": 1, "PAUSED": 1}, "STALE", "1 of 52 not seen lately, 1 paused"),
    "the whole is said once": (
        {"HEALTHY": 2, "UNKNOWN": 1, "STALE": 1},
        "UNKNOWN",
        "1 of 4 unknown, 1 not seen lately",
    ),
    "paused does not count": ({"HEALTHY": 2, "PAUSED": 1, "UNHEALTHY": 1}, "UNHEALTHY", "1 of 3 down, 1 paused"),
    "healthy beside paused": ({"HEALTHY": 2, "PAUSED": 1}, "HEALTHY", "all 2 healthy, 1 paused"),
    "nothing but paused": ({"PAUSED": 4}, "PAUSED", "all 4 paused"),
}


@pytest.mark.parametrize(("totals", "worst", "words"), SENTENCES.values(), ids=SENTENCES)
def test_an_environment_is_summed_up_in_a_sentence(totals, worst, words):
    [sentence] = sentences([Tally("LIVE", health, total, total) for health, total in totals.items()], NOW)
    assert (sentence.environment, sentence.health, sentence.text) == ("LIVE", worst, words)


def test_live_comes_first_and_no_environment_is_forgotten():
    assert set(ENVIRONMENTS) == set(Environment.values)
    tallies = [Tally(environment, "HEALTHY", 2, 2) for environment in ("UNKNOWN", "DEV", "LIVE")]
    assert [sentence.environment for sentence in sentences(tallies, NOW)] == ["LIVE", "DEV", "UNKNOWN"]


# who may


@pytest.mark.parametrize("path", ["/", "/servers/1/", "/incidents/", "/channels/", "/?page=2"])
def test_a_stranger_is_sent_to_the_login(client, path):
    response = client.get(path)
    assert response.status_code == 302
    assert response["Location"].startswith("/login/?next=")


def test_a_stranger_who_posts_comes_back_to_the_page(client):
    target = server()
    response = client.post(f"/servers/{target.pk}/", {"act": "pause"})
    assert response["Location"] == f"/login/?next=/servers/{target.pk}/"
    assert not Server.objects.get().paused


@pytest.mark.parametrize("path", ["/", "/incidents/", "/channels/"])
def test_somebody_without_a_role_sees_nothing(client, path):
    client.force_login(person())
    assert client.get(path).status_code == 403


def test_pages_are_not_kept_by_browsers(viewer):
    assert "no-store" in viewer.get("/")["Cache-Control"]


# the dashboard


def test_an_empty_dashboard_leads_on(client, ticking):
    client.force_login(person("operator", is_staff=True))
    page = text(client.get("/"))
    assert "First steps" in page
    assert "/servers/new/" in page


def test_an_empty_dashboard_tells_a_viewer_whom_to_ask(viewer):
    page = text(viewer.get("/"))
    assert "An operator can add servers." in page
    assert "/admin/" not in page


def test_the_worst_comes_first(viewer, ticking, now):
    for name, outcomes in {"a-fine": "++", "b-new": "", "c-down": "--", "d-paused": "+"}.items():
        see(server(host_name=name), outcomes, start=now - timedelta(seconds=15))
    recording.pause([Server.objects.get(host_name="d-paused").pk], actor="tests", now=now, reason="replaced")
    page = text(viewer.get("/"))
    positions = [page.index(name) for name in ("c-down", "b-new", "d-paused", "a-fine")]
    assert positions == sorted(positions)
    assert re.search("1 of 3 down for <time[^>]*>[0-9]+ s</time>, 1 unknown, 1 paused", page)
    assert "Connection refused" in page
    assert "replaced" in page
    assert "Not probed yet." in page


def test_what_is_wrong_in_live_comes_before_the_rest_and_what_is_fine_is_sorted_by_name(viewer, ticking, now):
    places = {"a": "DEV", "b": "LIVE", "c": "STAGE", "d": "LIVE", "e": "UNKNOWN"}
    for name, environment in places.items():
        see(server(host_name=f"down-{name}", environment=environment), "--", start=now - 15 * SECOND)
        see(server(host_name=f"fine-{name}", environment=environment), "++", start=now - 15 * SECOND)
    wrong, fine = [f"down-{name}" for name in "bdcae"], [f"fine-{name}" for name in "abcde"]
    assert names(viewer.get("/")) == [*wrong, *fine]
    assert names(viewer.get("/?sort=-state")) == [*reversed(fine), *reversed(wrong)]


def test_open_incidents_of_live_come_first_and_then_the_newest(viewer, ticking, now):
    for name, environment, seconds in (("a", "DEV", 11), ("b", "LIVE", 40), ("c", "LIVE", 30), ("d", "STAGE", 12)):
        see(server(host_name=name, environment=environment), "--", start=now - seconds * SECOND)
    assert [incident.host_name for incident in viewer.get("/").context["incidents"]] == ["c", "b", "d", "a"]


def test_a_server_that_was_not_seen_for_two_intervals_and_a_timeout_is_not_shown_as_healthy(viewer, ticking, now):
    fresh, old = server(host_name="fresh"), server(host_name="old")
    see(fresh, "+", start=now - 12 * SECOND)  # interval 10 s, timeout 5 s: out of date after 25 s
    see(old, "+", start=now - 27 * SECOND)
    page = text(viewer.get("/"))
    assert "LIVE:</strong> 1 of 2 not seen lately" in page
    assert page.index("old</a>") < page.index("fresh</a>")
    assert names(viewer.get("/?health=STALE")) == ["old"]
    assert names(viewer.get("/?health=HEALTHY")) == ["fresh"]


def test_a_policy_decides_when_a_server_is_out_of_date(viewer, ticking, now):
    see(server(interval_seconds=None), "+", start=now - 27 * SECOND)
    assert "not seen lately" not in text(viewer.get("/"))  # 30 s from the variable
    Policy.objects.filter(environment="LIVE").update(interval_seconds=10)
    assert "not seen lately" in text(viewer.get("/"))


def test_nothing_is_green_when_nothing_is_probed(viewer, now):
    Heartbeat.objects.create(name="tick", at=now - timedelta(seconds=11))
    see(server(), "+", start=now - 12 * SECOND)
    page = text(viewer.get("/"))
    assert "Nothing has been probed for" in page
    assert "health-healthy" not in page
    page = text(viewer.get(f"/servers/{Server.objects.get().pk}/"))
    assert "Nothing has been probed for" in page
    assert "health-stale" in page.split("<section>")[0]


def test_a_monitor_that_never_ticked_says_so(viewer):
    assert "Nothing has been probed yet." in text(viewer.get("/"))


def test_a_recent_gap_is_told(viewer, ticking, now):
    Gap.objects.create(began_at=now - timedelta(hours=3), ended_at=now - timedelta(hours=2))
    assert "Nothing was probed for" not in text(viewer.get("/"))
    Gap.objects.create(began_at=now - timedelta(minutes=33), ended_at=now - timedelta(minutes=30))
    assert "Nothing was probed for 3 min" in text(viewer.get("/"))


def test_that_nobody_is_told_is_said_until_somebody_is(viewer, ticking):
    server(environment="LIVE"), server(environment="DEV")
    assert "No channel receives alerts: nobody is told" in text(viewer.get("/"))
    columns = {"hook_url": "https://hooks.slack.com/x", "environments": ["LIVE"]}
    channel = Channel.objects.create(channel_id="C1", **columns)
    assert "No channel receives alerts of DEV:" in text(viewer.get("/"))
    Channel.objects.filter(pk=channel.pk).update(environments=None)
    assert "No channel receives alerts" not in text(viewer.get("/"))


def test_a_channel_that_cannot_be_reached_receives_nothing(viewer, ticking, settings):
    Channel.objects.create(channel_id="C1")
    assert "No channel receives alerts: nobody is told" in text(viewer.get("/"))
    settings.SLACK_BOT_TOKEN = "xoxb-1"
    assert "No channel receives alerts" not in text(viewer.get("/"))


FILTERS = {
    "environment": ("?environment=DEV", {"dev-down"}),
    "state": ("?health=UNHEALTHY", {"dev-down", "live-down"}),
    "name": ("?q=FINE", {"live-fine"}),
    "host": ("?q=10.9.9", {"live-fine"}),
    "all together": ("?environment=LIVE&health=UNHEALTHY&q=live", {"live-down"}),
    "nothing": ("?q=nowhere", set()),
    "what is no choice": ("?environment=MOON&health=SAD&q=%00&page=x", {"dev-down", "live-down", "live-fine"}),
}


@pytest.mark.parametrize(("query", "expected"), FILTERS.values(), ids=FILTERS)
def test_the_list_is_narrowed_down_by_the_address(viewer, ticking, now, query, expected):
    start = now - 15 * SECOND
    see(server(host_name="dev-down", environment="DEV"), "--", start=start)
    see(server(host_name="live-down"), "--", start=start)
    see(server(host_name="live-fine", host="10.9.9.9"), "++", start=start)
    response = viewer.get(f"/{query}")
    assert set(names(response)) == expected
    assert response.context["listing"].page.paginator.count == len(expected)
    assert "1 of 2 down for" in text(response)  # the sentences are about all


def test_hostile_names_are_shown_and_not_run(viewer, ticking, now):
    target = server(host_name=HOSTILE)
    see(target, "-", start=now - 10 * SECOND)
    ServerStatus.objects.filter(server=target).update(detail=HOSTILE)
    recording.pause([target.pk], actor=HOSTILE, now=now, reason=HOSTILE)
    for path in ("/", f"/servers/{target.pk}/", f"/?q={HOSTILE}"):
        page = text(viewer.get(path))
        assert "<script>" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_server_of_an_unknown_type_is_flagged(viewer, ticking):
    target = server()
    Server.objects.filter(pk=target.pk).update(type=9)
    assert "9, probed as web" in text(viewer.get("/"))


def test_a_server_without_a_status_row_is_shown(viewer, ticking):
    ServerStatus.objects.filter(server=server(host_name="stranger")).delete()
    assert "stranger" in text(viewer.get("/"))
    Server.objects.update(created_at=NOW - timedelta(days=1))
    assert "stranger" in text(viewer.get("/"))
    assert "stranger" in text(viewer.get(f"/servers/{Server.objects.get().pk}/"))


# budgets


def fleet(count: int, now) -> None:
    servers = [
        Server(host_name=f"server-{i:05}", host="10.0.0.1", port=80, type=1, environment=("LIVE", "DEV")[i % 2])
        for i in range(count)
    ]
    recording.create(servers, now=now)
    ServerStatus.objects.update(health="HEALTHY", last_checked_at=now, since=now, recent=f"-00010{0:08x}" * 60)


@pytest.mark.parametrize("count", [0, 12, 1_000])
def test_the_dashboard_asks_as_much_for_a_thousand_servers_as_for_one(
    viewer, ticking, now, count, django_assert_max_num_queries
):
    fleet(count, now)
    for query in ("", "?q=server&environment=LIVE&health=HEALTHY", "?page=2"):
        with django_assert_max_num_queries(12):
            text(viewer.get(f"/{query}"))


def test_a_thousand_servers_are_ten_pages(viewer, ticking, now):
    fleet(1_000, now)
    response = viewer.get("/?page=7&health=HEALTHY")
    page = text(response)
    assert len(names(response)) == 100
    assert "Page 7 of 10" in page
    assert "page=8" in page
    assert "all 500 healthy" in page
    assert len(page) < 250_000


# uptime


def cell(page: str, target: Server) -> str:
    """What the list says of a server's uptime."""
    [row] = re.findall(rf'<tr id="s{target.pk}".*?</tr>', page, re.DOTALL)
    [found] = re.findall(r'<td class="uptime">(.*?)</td>', row, re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", found).split())


def test_the_list_says_uptime_and_where_that_is_little_what_it_covers(viewer, ticking, now):
    whole, part = (server(created_at=now - 100 * SECOND, interval_seconds=seconds) for seconds in (3_600, 10))
    see(whole, "+" * 10, now - 100 * SECOND)
    see(part, "+" * 3 + "i" * 4 + "+" * 3, now - 100 * SECOND)
    unseen = server(created_at=now - 100 * SECOND)
    page = text(viewer.get("/"))
    assert cell(page, whole) == "100 100 100"
    assert re.fullmatch(r"(100 coverage [67]\d % ?){3}", cell(page, part))
    assert cell(page, unseen) == "no data no data no data"


def test_the_list_is_sorted_by_the_uptime_that_it_shows(viewer, ticking, now):
    for name, outcomes in (("good", "+" * 10), ("worst", "-" * 10), ("bad", "+" * 5 + "-" * 5), ("unseen", "")):
        see(server(host_name=name, created_at=now - 100 * SECOND), outcomes, now - 100 * SECOND)
    assert names(viewer.get("/?sort=uptime")) == ["worst", "bad", "good", "unseen"]
    assert names(viewer.get("/?sort=-uptime")) == ["good", "bad", "worst", "unseen"]
    assert names(viewer.get("/?sort=uptime&q=good")) == ["good"]


# language


def test_the_language_is_switched_and_kept(viewer):
    response = viewer.post("/language/setlang/", {"language": "ko", "next": "/"}, follow=True)
    assert '<html lang="ko"' in text(response)
