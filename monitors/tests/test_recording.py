from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from monitors import recording
from monitors.engine.base import Observation
from monitors.models import (
    Incident,
    LastFailure,
    Outage,
    PastOutcome,
    Reason,
    Rollup,
    Server,
    ServerStatus,
    StatusTransition,
)
from monitors.status import Health
from monitors.strip import marks, stages_ms
from monitors.tests.builders import INTERVAL, NOW, SECOND, observation, outcome, see, server

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
BEGAN = timedelta(milliseconds=5)
"""How long after its slot an observation of the builders began."""


def transitions(target):
    rows = StatusTransition.objects.filter(server=target).order_by("id")
    return [(row.from_health, row.to_health, row.reason, row.outage) for row in rows]


def test_a_first_success_is_healthy_and_nobody_needs_to_be_told():
    target = server()
    see(target, "+")
    assert transitions(target) == [("UNKNOWN", "HEALTHY", Reason.OUTCOMES, "")]
    status = ServerStatus.objects.get(server=target)
    assert (status.health, status.since, status.failure) == ("HEALTHY", NOW + BEGAN, "")


def test_seed_defect_17_a_server_that_was_never_probed_is_unknown():
    assert server().status.health == "UNKNOWN"


def test_an_outage_begins_with_its_first_failure_and_ends_with_its_first_success():
    target = server()
    see(target, "+--++")
    incident = Incident.objects.get()
    assert incident.began_at == NOW + INTERVAL + BEGAN
    assert incident.confirmed_at == NOW + 2 * INTERVAL + BEGAN
    assert incident.ended_at == NOW + 3 * INTERVAL + BEGAN
    assert incident.duration(NOW) == 2 * INTERVAL
    assert transitions(target)[1:] == [
        ("HEALTHY", "UNHEALTHY", Reason.OUTCOMES, Outage.BEGAN),
        ("UNHEALTHY", "HEALTHY", Reason.OUTCOMES, Outage.ENDED),
    ]
    ended = StatusTransition.objects.latest("id")
    assert (ended.failure, ended.incident_id, ended.at) == ("refused", incident.pk, NOW + 4 * INTERVAL + BEGAN)


def test_since_of_an_unhealthy_server_is_when_the_outage_began():
    target = server()
    see(target, "+--")
    status = ServerStatus.objects.get(server=target)
    assert (status.since, status.failure) == (NOW + INTERVAL + BEGAN, "refused")
    assert status.incident_id == Incident.objects.get().pk


def test_seed_defect_2_a_restart_neither_forgets_an_outage_nor_announces_it_twice():
    """Nothing is kept in memory between two records, so each of them is a restart."""
    target = server()
    see(target, "+-----")
    assert StatusTransition.objects.filter(outage=Outage.BEGAN).count() == 1
    see(target, "++", NOW + 10 * INTERVAL)
    assert StatusTransition.objects.filter(outage=Outage.ENDED).count() == 1


def test_a_slot_is_recorded_at_most_once():
    target = server()
    first = observation(target.pk, NOW, ok=False)
    recording.record([first])
    recording.record([first, first])
    assert ServerStatus.objects.get(server=target).failures == 1
    assert PastOutcome.objects.count() == 1
    assert Rollup.objects.get(resolution=Rollup.DAY).failed == 1


def test_a_late_outcome_of_an_earlier_slot_is_dropped():
    target = server()
    recording.record([observation(target.pk, NOW + INTERVAL)])
    recording.record([observation(target.pk, NOW, ok=False)])
    assert ServerStatus.objects.get(server=target).failures == 0


def test_two_slots_of_one_server_in_one_flush_count_in_order():
    target = server()
    slots = [NOW + n * INTERVAL for n in range(6)]
    outcomes = [True, False, False, True, True, False]
    batch = [observation(target.pk, slot, ok) for slot, ok in zip(slots, outcomes, strict=True)]
    recording.record(reversed(batch))
    assert [row[1] for row in transitions(target)] == ["HEALTHY", "UNHEALTHY", "HEALTHY"]
    assert Incident.objects.get().ended_at == slots[3] + BEGAN


def test_outcomes_of_deleted_and_unknown_servers_are_dropped():
    target = server()
    recording.delete([target.pk], actor="kim", now=NOW)
    recording.record([observation(target.pk, NOW), observation(10**9, NOW)])
    assert not PastOutcome.objects.exists()


def test_inconclusive_outcomes_are_recorded_and_then_shown_as_unknown():
    target = server()
    see(target, "+ii")
    status = ServerStatus.objects.get(server=target)
    assert (status.health, status.failure) == ("UNKNOWN", "prober_fault")
    assert transitions(target)[-1] == ("HEALTHY", "UNKNOWN", Reason.INCONCLUSIVE, "")
    assert Rollup.objects.get(resolution=Rollup.DAY).inconclusive == 2


def test_an_outage_goes_on_while_the_monitor_is_blind_and_is_announced_once():
    target = server()
    see(target, "+--ii--++")
    assert [row[3] for row in transitions(target) if row[3]] == [Outage.BEGAN, Outage.ENDED]
    assert Incident.objects.get().ended_at == NOW + 7 * INTERVAL + BEGAN


def test_seed_defect_13_history_and_rollups_are_written_with_the_batch():
    target = server()
    see(target, "+-+" * 30)
    assert PastOutcome.objects.filter(server=target).count() == 90
    day = Rollup.objects.get(server=target, resolution=Rollup.DAY)
    assert (day.succeeded, day.failed, day.elapsed_sum_us, day.elapsed_max_us) == (60, 30, 180_000, 3_000)
    assert Rollup.objects.filter(resolution=Rollup.MINUTE).count() == 15
    assert [mark.failure is None for mark in marks(ServerStatus.objects.get().recent)][-3:] == [True, False, True]


def test_pausing_tells_those_who_were_told_and_forgets_the_rest():
    target = server()
    see(target, "+--")
    assert recording.pause([target.pk], actor="kim", reason="moving", now=NOW + 60 * SECOND) == 1
    assert recording.pause([target.pk], actor="lee", now=NOW) == 0
    assert transitions(target)[-1] == ("UNHEALTHY", "UNKNOWN", Reason.PAUSED, Outage.ENDED)
    status = ServerStatus.objects.get(server=target)
    assert (status.health, status.failures, status.next_probe_at, status.incident_id) == ("UNKNOWN", 0, None, None)
    last = StatusTransition.objects.latest("id")
    assert (last.actor, last.detail) == ("kim", "moving")
    assert Incident.objects.get().end_reason == Reason.PAUSED


def test_an_outcome_that_arrives_after_the_pause_is_dropped():
    target = server()
    see(target, "+-")
    recording.pause([target.pk], actor="kim", now=NOW + 15 * SECOND)
    recording.record([observation(target.pk, NOW + 2 * INTERVAL, ok=False)])
    assert ServerStatus.objects.get(server=target).failures == 0


def test_resuming_probes_at_once_and_from_unknown():
    target = server()
    see(target, "+--")
    recording.pause([target.pk], actor="kim", now=NOW)
    later = NOW + 100 * SECOND
    assert recording.resume([target.pk], actor="kim", now=later) == 1
    status = ServerStatus.objects.get(server=target)
    assert status.health == "UNKNOWN"
    assert later < status.next_probe_at <= later + 3 * SECOND
    see(target, "--", later + 10 * SECOND)
    assert transitions(target)[-1][3] == Outage.BEGAN


def test_another_address_starts_from_unknown():
    target = server()
    see(target, "+--")
    target.port = 9090
    recording.save(target, actor="kim", now=NOW + 40 * SECOND)
    assert transitions(target)[-1] == ("UNHEALTHY", "UNKNOWN", Reason.EDITED, Outage.ENDED)
    recording.record([observation(target.pk, NOW + 41 * SECOND, ok=False)])
    assert ServerStatus.objects.get(server=target).failures == 0, "a probe of the old address counted"


def test_seed_defect_8_editing_saves_the_environment_and_keeps_the_outage():
    target = server()
    see(target, "+--")
    target.environment = "STAGE"
    recording.save(target, actor="kim", now=NOW)
    assert Server.objects.get().environment == "STAGE"
    assert ServerStatus.objects.get().health == "UNHEALTHY"


def test_saving_does_not_change_whether_a_server_is_paused():
    target = server()
    recording.pause([target.pk], actor="kim", now=NOW)
    target.paused = False
    recording.save(target, actor="kim", now=NOW)
    assert Server.objects.get().paused


def test_switching_notification_on_during_an_outage_tells_it_once():
    target = server(notification=False)
    see(target, "+--")
    assert recording.set_notification([target.pk], True, actor="kim", now=NOW) == 1
    assert recording.set_notification([target.pk], True, actor="kim", now=NOW) == 0
    assert [row[2:] for row in transitions(target)][-1] == (Reason.NOTIFICATION_ON, Outage.ONGOING)
    healthy = server(notification=False)
    see(healthy, "+")
    recording.set_notification([healthy.pk], True, actor="kim", now=NOW)
    assert len(transitions(healthy)) == 1


def test_deleting_ends_the_outage_and_keeps_its_story():
    target = server()
    see(target, "+--")
    assert recording.delete([target.pk], actor="kim", now=NOW + 60 * SECOND) == 1
    last = StatusTransition.objects.latest("id")
    assert (last.reason, last.outage, last.actor, last.host_name) == ("deleted", "ended", "kim", target.host_name)
    assert not Server.objects.exists()
    assert not ServerStatus.objects.exists()
    assert Incident.objects.get().ended_at == NOW + 60 * SECOND
    assert PastOutcome.objects.count() == 3


def test_a_row_inserted_by_a_stranger_gets_a_status_and_one_deleted_by_a_stranger_ends_its_outage():
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO server_health (host_name, host, port, type, environment)"
            " VALUES ('채팅 서버', 'chat', 80, 9, 'LIVE')"
        )
    assert recording.ensure_statuses(NOW) == 1
    assert recording.ensure_statuses(NOW) == 0
    target = Server.objects.get()
    assert target.notification
    assert target.status.next_probe_at == NOW
    see(target, "+---")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM server_health")
    assert recording.reap_orphans(NOW) == 1
    last = StatusTransition.objects.latest("id")
    assert (last.host_name, last.reason, last.outage) == ("채팅 서버", "deleted", "ended")
    assert not ServerStatus.objects.exists()


def test_the_first_incident_acknowledgement_counts():
    see(server(), "+--")
    incident = Incident.objects.get()
    assert recording.acknowledge(incident.pk, actor="kim", now=NOW)
    assert not recording.acknowledge(incident.pk, actor="lee", now=NOW)
    assert Incident.objects.get().acknowledged_by == "kim"


def statements(count, slot, ok):
    ids = [server(host_name=f"{slot}-{n}").pk for n in range(count)]
    recording.record([observation(id_, NOW, True) for id_ in ids])
    recording.record([observation(id_, NOW + INTERVAL, ok) for id_ in ids])
    with CaptureQueriesContext(connection) as captured:
        recording.record([observation(id_, NOW + 2 * INTERVAL, ok) for id_ in ids])
    return len(captured)


@pytest.mark.parametrize("ok", [True, False], ids=["all healthy", "all of them fail at once"])
def test_the_statements_of_a_flush_do_not_grow_with_its_size(ok):
    assert statements(2, 1, ok) == statements(60, 2, ok) <= 16


@given(st.text("+-i", min_size=1, max_size=25))
def test_transitions_alternate_and_incidents_match_them(outcomes):
    target = server()
    see(target, outcomes)
    news = [row[3] for row in transitions(target) if row[3]]
    assert news == [Outage.BEGAN, Outage.ENDED] * (len(news) // 2) + [Outage.BEGAN] * (len(news) % 2)
    assert Incident.objects.filter(server=target, ended_at=None).count() == len(news) % 2
    healths = [row[1] for row in transitions(target)]
    assert all(a != b for a, b in pairwise(healths))
    assert ServerStatus.objects.get(server=target).health == (healths[-1] if healths else Health.UNKNOWN)


def test_a_fault_of_ours_does_not_cover_what_the_server_did():
    target = server()
    see(target, "+--i++")
    ended = StatusTransition.objects.latest("id")
    assert (ended.outage, ended.failure) == (Outage.ENDED, "refused")
    healthy = server()
    see(healthy, "+i")
    assert ServerStatus.objects.get(server=healthy).failure == ""


def test_editing_a_paused_server_does_not_plan_a_probe():
    target = server()
    recording.pause([target.pk], actor="kim", now=NOW)
    target.port = 9090
    recording.save(target, actor="kim", now=NOW)
    assert ServerStatus.objects.get().next_probe_at is None


# evidence


def failed(target: Server, slot: datetime, answer: str) -> Observation:
    seen = replace(outcome(False, "Busy."), status=503, answer=answer)
    return Observation(target.pk, slot, slot, seen)


def test_the_last_failure_keeps_its_evidence_through_the_recovery():
    target = server()
    recording.record([failed(target, NOW, "out of order")])
    recording.record([failed(target, NOW + INTERVAL, "still out of order")])
    see(target, "++", start=NOW + 2 * INTERVAL)
    last = LastFailure.objects.get(server=target)
    assert (last.at, last.failure, last.detail) == (NOW + INTERVAL, "refused", "Busy.")
    assert (last.status, last.peer, last.answer) == (503, "127.0.0.1", "still out of order")
    assert stages_ms(last.stages)["connect"] == 0.3


def test_an_incident_keeps_the_evidence_of_the_probe_that_confirmed_it():
    target = server()
    for number in range(3):
        recording.record([failed(target, NOW + number * INTERVAL, f"answer {number}")])
    incident = Incident.objects.get()
    assert (incident.status, incident.peer, incident.answer) == (503, "127.0.0.1", "answer 1")


def test_what_is_inconclusive_is_no_failure_of_the_server():
    see(server(), "i+i")
    assert not LastFailure.objects.exists()


def test_a_deleted_server_leaves_no_evidence():
    target = server()
    see(target, "-")
    recording.delete([target.pk], actor="tests", now=NOW)
    assert not LastFailure.objects.exists()


def test_a_certificate_is_remembered_until_the_server_is_another_one():
    target, expires_at = server(), NOW + timedelta(days=9)
    seen = replace(outcome(), certificate_expires_at=expires_at, certificate_subject="Intermediate 1")
    recording.record([Observation(target.pk, NOW, NOW, seen)])
    see(target, "-", start=NOW + INTERVAL)  # no handshake, no certificate
    status = ServerStatus.objects.get()
    assert (status.certificate_expires_at, status.certificate_subject) == (expires_at, "Intermediate 1")
    target.host = "127.0.0.2"
    recording.save(target, actor="tests", now=NOW + 2 * INTERVAL)
    status = ServerStatus.objects.get()
    assert (status.certificate_expires_at, status.certificate_subject) == (None, "")


# outages that nobody could see for a while


def test_an_outage_that_was_not_seen_for_a_while_ends_by_its_full_run_of_successes():
    target = server(healthy_threshold=3)
    see(target, "--ii++")
    assert Incident.objects.get().ended_at is None
    assert ServerStatus.objects.get().health == "UNKNOWN"
    see(target, "+", start=NOW + 6 * INTERVAL)
    assert Incident.objects.get().ended_at == NOW + 4 * INTERVAL + BEGAN
    ended = StatusTransition.objects.latest("id")
    assert (ended.from_health, ended.outage, ended.failure) == ("UNKNOWN", Outage.ENDED, "refused")


@pytest.mark.parametrize("outcomes", ["--", "--i", "--ii", "--ii+", "--ii--", "--ii+-i-", "--ii+--ii"])
def test_since_stays_the_beginning_of_the_outage_for_as_long_as_it_is_open(outcomes):
    see(server(), outcomes)
    assert ServerStatus.objects.get().since == Incident.objects.get().began_at == NOW + BEGAN


def test_a_resolver_that_comes_and_goes_makes_one_outage_one():
    target = server(healthy_threshold=3, unhealthy_threshold=3)
    see(target, "---" + "iii+---" * 3 + "+++")
    assert [row[3] for row in transitions(target) if row[3]] == [Outage.BEGAN, Outage.ENDED]
    assert Incident.objects.count() == 1


def test_a_server_that_was_not_seen_while_all_was_well_is_healthy_at_its_first_success():
    target = server(healthy_threshold=3)
    see(target, "+ii+")
    assert [row[1] for row in transitions(target)] == ["HEALTHY", "UNKNOWN", "HEALTHY"]


# clocks that are wrong


def test_a_run_that_a_wrong_clock_began_is_dated_from_its_next_outcome():
    target = server()
    see(target, "-", start=NOW + timedelta(hours=1))
    ServerStatus.objects.update(last_slot=None)
    see(target, "-")
    incident, status = Incident.objects.get(), ServerStatus.objects.get()
    assert incident.began_at == incident.confirmed_at == status.since == NOW + BEGAN


@pytest.mark.parametrize("seconds", [1, 4, 60, 3600, 86_400])
@pytest.mark.parametrize("act", ["pause", "delete", "edit", "recover"])
def test_no_outage_ends_before_it_began(act, seconds):
    target = server(healthy_threshold=1)
    see(target, "--", start=NOW + seconds * SECOND)
    now = NOW + INTERVAL
    if act == "pause":
        recording.pause([target.pk], actor="kim", now=now)
    elif act == "delete":
        recording.delete([target.pk], actor="kim", now=now)
    elif act == "edit":
        target.host = "10.0.0.2"
        recording.save(target, actor="kim", now=now)
    else:
        ServerStatus.objects.update(last_slot=None)
        recording.record([observation(target.pk, now)])
    incident = Incident.objects.get()
    assert incident.ended_at is not None
    assert incident.began_at <= incident.confirmed_at <= incident.ended_at <= now + 5 * SECOND + BEGAN


def test_an_outage_that_a_wrong_clock_began_has_lasted_for_no_time():
    see(server(), "--", start=NOW + timedelta(hours=1))
    assert Incident.objects.get().duration(NOW) == timedelta(0)


def test_a_change_by_a_host_whose_clock_is_behind_is_dated_after_what_it_ends():
    target = server()
    see(target, "--", start=NOW)
    recording.pause([target.pk], actor="kim", now=NOW + INTERVAL - 3 * SECOND)
    began, ended = StatusTransition.objects.filter(server=target).order_by("id")
    assert ended.at == began.at == NOW + INTERVAL + BEGAN


@pytest.mark.parametrize("act", ["pause", "delete", "save_all"])
def test_each_transaction_of_a_long_act_is_dated_by_itself(act, monkeypatch):
    """What happens at the last servers while the first are changed was before the change, and not after it."""
    monkeypatch.setattr("monitors.recording.changes.CHUNK", 1)
    targets = [server(unhealthy_threshold=1) for _ in range(3)]
    see(targets[0], "-", start=NOW - SECOND)
    waited = iter((0.0, 0.0, 7.0, 14.0, 21.0))
    monkeypatch.setattr("monitors.clock.steady", lambda: next(waited))
    for target in targets:
        target.port = 9999
    if act == "save_all":
        recording.save_all(targets, actor="kim", now=NOW)
    else:
        getattr(recording, act)([target.pk for target in targets], actor="kim", now=NOW)
    at = StatusTransition.objects.exclude(reason="outcomes").order_by("server_id").values_list("at", flat=True)
    assert list(at) == [NOW, NOW, NOW + 7 * SECOND]
