"""The page of one server, as people with each role meet it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from monitors import recording
from monitors.engine.base import Observation
from monitors.models import Heartbeat, Incident, Policy, Rollup, Server, ServerStatus, StatusTransition
from monitors.spans import floor
from monitors.tests.answers import text
from monitors.tests.builders import SECOND, observation, outcome, see, server
from monitors.tests.misbehaving import Farm, answer, closed_port, says
from monitors.tests.people import person
from notifications.models import Channel, Delivery, Kind, State

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"
SECRET = "Bearer very-secret-value"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def now():
    """The pages ask the clock; what is stored is dated from it."""
    return timezone.now()


@pytest.fixture(autouse=True)
def _ticking(now):
    Heartbeat.objects.create(name="tick", at=now)


@pytest.fixture
def viewer(client):
    client.force_login(person("viewer"))
    return client


@pytest.fixture
def operator(client):
    client.force_login(person("operator"))
    return client


def page_of(client, target: Server, query: str = "") -> str:
    return text(client.get(f"/servers/{target.pk}/{query}"))


def roll(target: Server, start, resolution: int = Rollup.MINUTE, succeeded: int = 2, failed: int = 0) -> None:
    Rollup.objects.create(
        server=target,
        resolution=resolution,
        start=floor(start, resolution),
        succeeded=succeeded,
        failed=failed,
        inconclusive=0,
        elapsed_sum_us=succeeded * 12_000,
        elapsed_max_us=30_000,
    )


def page_cells(page: str, row: str) -> list[str]:
    """What a row of the table of uptimes says."""
    [cells] = re.findall(rf'<th scope="row">{row}</th>(.*?)</tr>', page, re.DOTALL)
    found = re.findall(r"<td.*?>(.*?)</td>", cells, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", cell).split()) for cell in found]


# where it stands


def test_a_healthy_server_says_so_in_a_sentence(viewer, now):
    target = server()
    see(target, "+", start=now - 6 * SECOND)
    page = page_of(viewer, target)
    assert "The last probe took" in page
    assert "No outage." in page


def test_a_server_that_is_down_says_why_and_what_to_do(viewer, now):
    target = server()
    see(target, "+--", start=now - 30 * SECOND)
    page = page_of(viewer, target)
    assert "Connection refused" in page
    assert "nothing listens on this port" in page
    assert "Nobody takes care of it yet." in page
    assert "still open" in page


def test_failures_that_are_no_outage_yet_are_told(viewer, now):
    target = server(unhealthy_threshold=3)
    see(target, "+-", start=now - 15 * SECOND)
    assert "The last 1 probe failed; 3 in a row make it unhealthy." in page_of(viewer, target)


def test_a_recovery_on_its_way_is_told(viewer, now):
    target = server(healthy_threshold=3)
    see(target, "--+", start=now - 25 * SECOND)
    assert "The last 1 probe succeeded; 3 in a row end the outage." in page_of(viewer, target)


def test_a_server_that_was_never_probed_says_when_it_will_be(viewer):
    assert "The first probe comes" in page_of(viewer, server())


def test_a_paused_server_says_why(viewer, now):
    target = server()
    recording.pause([target.pk], actor="kim", now=now, reason="moved to another rack")
    page = page_of(viewer, target)
    assert "it is not probed, and nobody is told anything" in page
    assert "moved to another rack" in page


def test_settings_in_force_are_shown_with_where_they_come_from(viewer):
    Policy.objects.filter(environment="LIVE").update(healthy_threshold=7)
    target = server(healthy_threshold=None, timeout_seconds=None, request_headers={"Authorization": SECRET})
    page = page_of(viewer, target)
    for words in ("this server", "policy of the environment", "environment variable"):
        assert words in page
    assert SECRET not in page


def test_the_stages_of_the_last_probe_are_a_bar_with_numbers(viewer, now):
    target = server()
    see(target, "+", start=now - 5 * SECOND)
    page = page_of(viewer, target)
    assert 'aria-label="Connect 0.3 ms, First byte or upgrade 2 ms, Rest of the answer 0.7 ms"' in page


# certificates


def certified(target: Server, now, left: timedelta) -> None:
    seen = replace(outcome(), certificate_expires_at=now + left, certificate_subject=HOSTILE)
    recording.record([Observation(target.pk, now, now, seen)])


@pytest.mark.parametrize(
    ("left", "banner"),
    [
        (80 * DAY + HOUR, None),
        (9 * DAY + HOUR, "expires in 9 days"),
        (DAY + HOUR, "expires in 1 day"),
        (HOUR, "within a day"),
    ],
)
def test_a_certificate_that_ends_soon_is_warned_of(viewer, now, left, banner):
    target = server()
    certified(target, now, left)
    page = page_of(viewer, target)
    assert f"{left.days} day" in page
    assert ("Renew it." in page) is (banner is not None)
    assert banner is None or banner in page
    assert "alert(" in page
    assert HOSTILE not in page


# evidence


def test_the_evidence_of_the_last_failure_is_shown_and_not_run(viewer, now):
    target = server()
    seen = replace(outcome(False, detail="Busy."), status=503, answer=f"<h1>Out of order</h1>{HOSTILE}")
    recording.record([Observation(target.pk, now, now, seen)])
    page = page_of(viewer, target)
    for words in ("Last failure", "503", "127.0.0.1", "&lt;h1&gt;Out of order&lt;/h1&gt;", "&lt;script&gt;"):
        assert words in page
    assert HOSTILE not in page


def test_hostile_names_are_shown_and_not_run(viewer, now):
    target = server(host_name=HOSTILE, tags=["<b>"])
    see(target, "--", start=now - 20 * SECOND)
    recording.pause([target.pk], actor=HOSTILE, now=now, reason=HOSTILE)
    page = page_of(viewer, target)
    assert HOSTILE not in page
    assert "<b>" not in page.replace('<b class="number">', "")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


# history


def test_the_chart_shows_latency_outages_and_a_table(viewer, now):
    target = server()
    for minutes in range(300, 0, -10):
        roll(target, now - minutes * MINUTE)
    Incident.objects.create(
        server=target,
        host_name=target.host_name,
        environment="LIVE",
        address="",
        failure="refused",
        detail="",
        began_at=now - 2 * HOUR,
        confirmed_at=now - 2 * HOUR,
        ended_at=now - HOUR,
    )
    page = page_of(viewer, target)
    assert "12 ms on average, 30 ms at most." in page
    assert "1 outage, down for 1 h." in page
    assert 'class="outage"' in page
    assert page.count("data-slice") >= 29
    assert "12 ms on average, 30 ms at most · 0 of 2 probes failed" in page
    assert "The same as a table" in page


def test_another_range_is_a_part_of_the_page_for_a_script_and_a_page_without(viewer, now):
    target = server()
    roll(target, now - 5 * DAY, Rollup.HOUR)
    assert "Nothing was probed in this time." in page_of(viewer, target)
    assert "12 ms on average" in page_of(viewer, target, "?range=7d")
    part = text(viewer.get(f"/servers/{target.pk}/?range=30d", headers={"HX-Request": "true", "HX-Target": "latency"}))
    assert part.lstrip().startswith("<section")
    assert "12 ms on average" in part


def test_a_range_that_does_not_exist_is_the_first(viewer):
    assert "Nothing was probed in this time." in page_of(viewer, server(), "?range=<b>")


def test_uptime_is_shown_by_period_and_month(viewer, now):
    target = server(interval_seconds=3_600)
    for number, letter in enumerate("+++--++--"):
        recording.record([observation(target.pk, now - (9 - number) * HOUR, ok=letter == "+")])
    page = page_of(viewer, target)
    for period in ("24 hours", "7 days", "30 days"):
        assert re.fullmatch(r"55\.[0-5]\d\d %", page_cells(page, period)[0])  # up for 5 of 9 hours and a moment
    downtime, *counts = page_cells(page, "24 hours")[1:]
    assert downtime.startswith("4 h")
    assert counts == ["2"]


def test_what_the_uptime_does_not_speak_of_is_said(viewer, now):
    target = server()
    see(target, "+" * 5 + "i" * 10 + "+-+++", start=now - 200 * SECOND)
    page = page_of(viewer, target)
    uptime, *others = page_cells(page, "24 hours")
    assert re.fullmatch(
        r"100 % coverage 5\d %", uptime
    )  # known for 60 s, unknown for 90 s, known for 50 s and a moment
    assert others == ["–", "0 1 single failure"]


def test_no_data_is_neither_all_nor_nothing(viewer, now):
    target = server()
    Server.objects.filter(pk=target.pk).update(created_at=now - DAY)
    page = page_of(viewer, target)
    assert page_cells(page, "24 hours") == ["no data", "–", "0"]


def test_what_a_wrong_clock_dated_is_not_the_latest(viewer, now):
    target = server(healthy_threshold=3)
    for start in (now + 30 * DAY, now - HOUR):
        roll(target, start)
        recording.record([observation(target.pk, start)])
        ServerStatus.objects.update(last_slot=None)  # as when the clock is set back
    page = page_of(viewer, target)
    assert "The last outcome" in page
    assert f"{now + 30 * DAY:%Y-%m-%d}" not in page.split("Last 60 probes")[1].split("</section>")[0]
    assert page.count("data-slice") == 1


def test_messages_about_the_server_are_shown(viewer, now):
    target = server()
    see(target, "--", start=now - 20 * SECOND)
    transition = StatusTransition.objects.get()
    Channel.objects.create(channel_id="C1", name="alerts-live")
    Delivery.objects.create(
        kind=Kind.FAILURE, channel_id="C1", key="t:1", transition=transition, state=State.SENT, seconds=1.25
    )
    Delivery.objects.create(
        kind=Kind.FAILURE, channel_id="C2", key="t:1", transition=transition, state=State.FAILED, reason="is_archived"
    )
    page = page_of(viewer, target)
    assert "alerts-live" in page
    assert "1.2" in page.split("alerts-live")[1] or "1.3" in page.split("alerts-live")[1]
    assert "C2" in page


def test_a_page_takes_as_many_queries_whatever_the_history(viewer, now, django_assert_max_num_queries):
    quiet, busy = server(), server()
    see(busy, "+-" * 15 + "--++" * 10, start=now - 900 * SECOND)
    for days in range(2, 90):
        roll(busy, now - days * DAY, Rollup.DAY)
        roll(busy, now - days * HOUR, Rollup.HOUR)
    viewer.get("/")  # what a session asks for once
    for target in (quiet, busy):
        with django_assert_max_num_queries(16):
            page_of(viewer, target)


def test_a_server_that_does_not_exist_is_404(viewer):
    for number in ("4711", "9" * 40):
        assert viewer.get(f"/servers/{number}/").status_code == 404


# buttons


ACTS = ("probe", "pause", "resume", "notification_on", "notification_off", "acknowledge")


@pytest.mark.parametrize("act", ACTS)
def test_a_viewer_has_no_buttons_and_may_not_press_them(viewer, now, act):
    target = server()
    see(target, "--", start=now - 20 * SECOND)
    address = f"/servers/{target.pk}/"
    assert 'name="act"' not in text(viewer.get(address))
    assert viewer.post(address, {"act": act}).status_code == 403
    assert StatusTransition.objects.count() == 1


def test_an_operator_pauses_and_resumes(operator):
    target = server()
    address = f"/servers/{target.pk}/"
    assert "Paused. It is not probed" in text(operator.post(address, {"act": "pause"}, follow=True))
    assert Server.objects.get().paused
    assert "Resumed." in text(operator.post(address, {"act": "resume"}, follow=True))
    assert not Server.objects.get().paused
    assert StatusTransition.objects.filter(reason="paused").get().actor.startswith("operator-")


def test_an_operator_switches_the_notification(operator):
    address = f"/servers/{server().pk}/"
    operator.post(address, {"act": "notification_off"})
    assert not Server.objects.get().notification
    operator.post(address, {"act": "notification_on"})
    assert Server.objects.get().notification


def test_an_operator_takes_care_of_the_open_incident(operator, now):
    target = server()
    see(target, "--", start=now - 20 * SECOND)
    address = f"/servers/{target.pk}/"
    assert "You take care of" in text(operator.post(address, {"act": "acknowledge"}, follow=True))
    assert Incident.objects.get().acknowledged_by.startswith("operator-")
    assert "Nothing changed" in text(operator.post(address, {"act": "acknowledge"}, follow=True))


def test_there_is_nothing_to_take_care_of_where_nothing_is_down(operator):
    page = text(operator.post(f"/servers/{server().pk}/", {"act": "acknowledge"}, follow=True))
    assert "Nothing changed" in page


def test_a_button_that_does_not_exist_is_refused(operator):
    assert operator.post(f"/servers/{server().pk}/", {"act": "explode"}).status_code == 403


def test_pressing_a_button_takes_the_token_of_the_form(client):
    strict = type(client)(enforce_csrf_checks=True)
    strict.force_login(person("operator"))
    assert strict.post(f"/servers/{server().pk}/", {"act": "pause"}).status_code == 403
    assert not Server.objects.get().paused


def test_probing_now_says_what_it_found_and_moves_no_counter(operator):
    with Farm() as farm, closed_port() as closed:
        healthy = server(port=farm.serve(says(answer(body=b"hello"))).port)
        down = server(port=closed)
        page = text(operator.post(f"/servers/{healthy.pk}/", {"act": "probe"}, follow=True))
        assert "Looked now: answered with status 200 in" in page
        page = text(operator.post(f"/servers/{down.pk}/", {"act": "probe"}, follow=True))
        assert "Looked now: Connection refused" in page
    assert not ServerStatus.objects.filter(last_checked_at__isnull=False).exists()


def test_probing_now_shows_stages_and_evidence_in_place(operator):
    with Farm() as farm:
        target = server(port=farm.serve(says(answer(500, b"<i>out of order</i>"))).port)
        part = text(operator.post(f"/servers/{target.pk}/", {"act": "probe"}, headers={"HX-Request": "true"}))
    assert "HTTP 5xx, server error" in part
    assert "First byte or upgrade" in part
    assert "&lt;i&gt;out of order&lt;/i&gt;" in part
    assert "<html" not in part
