import re
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitors import claiming, recording
from monitors.models import Gap, Incident, Policy, Server, ServerStatus, StatusTransition
from monitors.schedule import next_slot
from monitors.tests.builders import INTERVAL, NOW, SECOND, observation, see, server

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def due(now):
    return {claim.server_id: claim.slot for claim in claiming.claim_due(now)}


def test_a_new_server_is_due_at_once_and_then_on_its_grid():
    target = server()
    assert due(NOW) == {target.pk: NOW}
    assert ServerStatus.objects.get().next_probe_at == next_slot(target.pk, NOW, INTERVAL)


def test_a_claimed_server_is_not_claimed_again_until_it_is_recorded():
    target = server()
    slot = due(NOW)[target.pk]
    upcoming = ServerStatus.objects.get().next_probe_at
    ServerStatus.objects.update(claimed_until=upcoming + 8 * SECOND)
    assert due(upcoming) == {}
    recording.record([observation(target.pk, slot)])
    assert due(upcoming) == {target.pk: upcoming}


def test_a_claim_that_was_lost_lapses_after_the_timeout():
    target = server(timeout_seconds=3)
    due(NOW)
    assert ServerStatus.objects.get().claimed_until == NOW + 5 * SECOND
    upcoming = next_slot(target.pk, NOW + 6 * SECOND, INTERVAL)
    ServerStatus.objects.update(next_probe_at=upcoming)
    assert due(upcoming) == {target.pk: upcoming}


def test_two_ticks_at_once_claim_each_server_once():
    targets = [server() for _ in range(20)]
    first, second = due(NOW), due(NOW)
    assert (set(first), second) == ({target.pk for target in targets}, {})


def test_what_is_due_before_the_next_tick_is_claimed_with_its_slot():
    target = server()
    ServerStatus.objects.update(next_probe_at=NOW + 1.4 * SECOND)
    assert due(NOW) == {target.pk: NOW + 1.4 * SECOND}


def test_what_is_due_later_is_left_for_the_next_tick():
    server()
    ServerStatus.objects.update(next_probe_at=NOW + 1.6 * SECOND)
    assert due(NOW) == {}


def test_missed_slots_are_skipped_and_not_replayed():
    target = server()
    ServerStatus.objects.update(next_probe_at=NOW - timedelta(hours=2))
    upcoming = next_slot(target.pk, NOW, INTERVAL)
    claimed = due(NOW)
    assert claimed in ({}, {target.pk: upcoming})
    assert ServerStatus.objects.get().next_probe_at in (upcoming, upcoming + INTERVAL)


def test_after_an_outage_of_ours_the_servers_come_back_spread_over_their_interval():
    for _ in range(50):
        server()
    ServerStatus.objects.update(next_probe_at=NOW - timedelta(hours=2))
    assert len(due(NOW)) < 20


def test_a_paused_server_is_not_claimed():
    target = server()
    recording.pause([target.pk], actor="kim", now=NOW)
    assert due(NOW + timedelta(days=1)) == {}


def test_a_shorter_policy_holds_at_once():
    target = server(interval_seconds=None)
    ServerStatus.objects.update(next_probe_at=NOW + timedelta(hours=1))
    Policy.objects.filter(environment="LIVE").update(interval_seconds=5)
    assert claiming.replan(NOW) == 1
    assert ServerStatus.objects.get().next_probe_at == next_slot(target.pk, NOW, 5 * SECOND)


def test_a_shorter_interval_of_a_server_holds_at_once():
    target = server(interval_seconds=3600)
    ServerStatus.objects.update(next_probe_at=NOW + timedelta(minutes=50))
    target.interval_seconds = 5
    recording.save(target, actor="kim", now=NOW)
    assert ServerStatus.objects.get().next_probe_at == next_slot(target.pk, NOW, 5 * SECOND)


def test_a_silence_of_ticks_is_a_gap_that_is_kept():
    assert claiming.beat(NOW) is None
    assert claiming.beat(NOW + SECOND) is None
    gap = claiming.beat(NOW + 60 * SECOND)
    assert gap
    assert gap == Gap.objects.get()
    assert gap.duration == 59 * SECOND


def test_claiming_takes_a_constant_number_of_statements(django_assert_max_num_queries):
    for _ in range(60):
        server()
    with django_assert_max_num_queries(7):  # two of them for the savepoint that stands for the transaction
        assert len(due(NOW)) == 60


def test_a_clock_that_was_set_back_does_not_blind_the_monitor():
    target = server()
    wrong = next_slot(target.pk, NOW + timedelta(hours=9), INTERVAL)
    claiming.beat(wrong)
    ServerStatus.objects.update(next_probe_at=wrong)
    recording.record([observation(target.pk, due(wrong)[target.pk])])
    assert due(NOW) == {}
    claiming.beat(NOW)
    slots = [due(NOW + n * SECOND) for n in range(12)]
    slot = next(claimed[target.pk] for claimed in slots if claimed)
    assert NOW <= slot <= NOW + INTERVAL + 2 * SECOND
    assert recording.record([observation(target.pk, slot, ok=False)]) == 0
    assert ServerStatus.objects.get().failures == 1


def test_outcomes_that_fail_to_come_are_a_gap_unless_the_fleet_is_slow():
    server()
    assert claiming.note_outcomes(NOW) is None
    assert claiming.note_outcomes(NOW + 25 * SECOND) is None
    gap = claiming.note_outcomes(NOW + 100 * SECOND)
    assert gap
    assert gap.duration == 75 * SECOND
    Server.objects.update(interval_seconds=3600)
    assert claiming.note_outcomes(NOW + 3000 * SECOND) is None


def test_the_status_of_a_server_that_a_stranger_deleted_is_claimed_once_and_starves_nobody():
    server()
    Server.objects.all()._raw_delete("default")
    assert due(NOW) == {}
    assert ServerStatus.objects.get().next_probe_at is None


def test_slow_servers_share_batches_so_that_quick_ones_do_not_wait_for_them():
    quick, slow = [server() for _ in range(4)], [server(timeout_seconds=9) for _ in range(4)]
    claims = claiming.claim_due(NOW)
    first, second = claiming.batches(claims, 4)
    assert {claim.server_id for claim in first} == {target.pk for target in quick}
    assert {claim.server_id for claim in second} == {target.pk for target in slow}


# clocks that are set, and hosts whose clocks differ


def seen_at(target, start, seconds, ok=True):
    """Ticks once a second by a clock that starts there, each probe recorded at once; the seconds that one was seen in,
    and whether it counted."""
    seconds_seen = []
    for n in range(seconds):
        now = start + n * SECOND
        claiming.beat(now)
        if slot := due(now).get(target.pk):
            recording.record([observation(target.pk, slot, ok)])
            if ServerStatus.objects.get().last_slot == slot:
                seconds_seen.append(n)
    return seconds_seen


STEPS = [timedelta(days=-1), timedelta(hours=-1), timedelta(minutes=-2), timedelta(seconds=-20), timedelta(seconds=-5)]
STEPS += [-step for step in STEPS]


@pytest.mark.parametrize("in_flight", [False, True], ids=["nothing in flight", "a probe in flight"])
@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_step_of_the_clock_blinds_nobody_for_more_than_two_intervals(step, in_flight):
    target = server()
    seen_at(target, NOW, 30)
    before = ServerStatus.objects.get().next_probe_at - SECOND
    claiming.beat(before)
    slot = due(before)[target.pk]
    if not in_flight:
        recording.record([observation(target.pk, slot)])
    after = before + SECOND + step
    claiming.beat(after)
    if in_flight:
        recording.record([observation(target.pk, slot)])
    seen = seen_at(target, after + SECOND, 60, ok=False)
    gaps = [later - earlier for earlier, later in pairwise([0, *seen, 60])]
    assert max(gaps) <= 20
    status, incident = ServerStatus.objects.get(), Incident.objects.get()
    assert status.health == "UNHEALTHY"
    assert incident.began_at <= incident.confirmed_at <= after + 62 * SECOND
    assert status.since == incident.began_at


def test_a_step_of_the_clock_calls_no_healthy_server_down():
    target = server(unhealthy_threshold=1, healthy_threshold=1)
    now = NOW
    for step in STEPS:
        now += step
        seen_at(target, now, 25)
        now += 25 * SECOND
    assert not Incident.objects.exists()
    assert ServerStatus.objects.get().health == "HEALTHY"


@pytest.mark.parametrize("column", ["claimed_until", "last_slot"])
@pytest.mark.parametrize("ahead", [30, 3600, 86_400])
def test_a_claim_or_a_slot_of_another_clock_holds_nothing_up(column, ahead):
    target = server()
    ServerStatus.objects.update(**{"next_probe_at": NOW, column: NOW + ahead * SECOND})
    assert due(NOW) == {target.pk: NOW}
    recording.record([observation(target.pk, NOW)])
    assert ServerStatus.objects.get().last_slot == NOW


def test_a_claim_for_the_longest_timeout_is_trusted_until_it_can_have_lapsed():
    target = server(interval_seconds=60, timeout_seconds=60)
    ServerStatus.objects.update(next_probe_at=NOW, claimed_until=NOW + 63 * SECOND)
    assert due(NOW) == {}
    ServerStatus.objects.update(claimed_until=NOW + 64 * SECOND)
    assert due(NOW) == {target.pk: NOW}


def test_what_was_done_by_a_wrong_clock_is_dated_from_now():
    target = server()
    wrong = NOW + timedelta(hours=1)
    see(target, "+--", start=wrong)
    Gap.objects.create(began_at=NOW, ended_at=wrong)
    claiming.date_back(NOW + SECOND)
    status, incident, gap = ServerStatus.objects.get(), Incident.objects.get(), Gap.objects.get()
    assert {status.since, status.last_checked_at, incident.began_at, incident.confirmed_at} == {NOW + SECOND}
    assert not StatusTransition.objects.filter(at__gt=NOW + SECOND).exists()
    assert gap.duration == SECOND


def test_hosts_whose_clocks_differ_invent_no_gap_and_claim_nothing_twice():
    target = server(interval_seconds=30, timeout_seconds=20)
    until = NOW
    for n in range(90):
        for behind in (0, 5):
            now = NOW + n * SECOND - behind * SECOND
            claiming.beat(now)
            claiming.note_outcomes(now)
            if target.pk in due(now):
                assert NOW + n * SECOND >= until, "two probes of one server at once"
                until = NOW + (n + 20) * SECOND
    assert not Gap.objects.exists()


@pytest.mark.parametrize("behind", [-5, -2, 0, 1, 5])
def test_an_edit_makes_the_slot_in_hand_void_whatever_the_clock_of_its_host(behind):
    target = server()
    ServerStatus.objects.update(next_probe_at=NOW + 61.4 * SECOND)
    slot = due(NOW + 60 * SECOND)[target.pk]
    target.host = "10.0.0.2"
    recording.save(target, actor="kim", now=NOW + (60 - behind) * SECOND)
    recording.record([observation(target.pk, slot)])
    status = ServerStatus.objects.get()
    assert (status.health, status.successes) == ("UNKNOWN", 0)
    assert status.last_slot < status.next_probe_at <= NOW + (60 + 8) * SECOND


def test_a_shorter_interval_does_not_plan_for_a_slot_that_an_edit_has_made_void():
    target = server(interval_seconds=3600, timeout_seconds=1)
    target.host, target.interval_seconds = "10.0.0.2", 1
    recording.save(target, actor="kim", now=NOW)
    assert ServerStatus.objects.get().next_probe_at > ServerStatus.objects.get().last_slot == NOW + 2 * SECOND
    Server.objects.update(interval_seconds=1)
    ServerStatus.objects.update(next_probe_at=NOW + timedelta(hours=1))
    claiming.replan(NOW)
    assert ServerStatus.objects.get().next_probe_at > NOW + 2 * SECOND


def test_no_lock_is_taken_in_another_order_than_that_of_the_key():
    """A lock that is taken while an index is read is taken the other way round than by whoever writes that index."""
    if not connection.features.has_select_for_update:
        pytest.skip("this database locks as a whole")
    ids = [server(interval_seconds=3600).pk for _ in range(3)]
    Server.objects.update(interval_seconds=5)
    with CaptureQueriesContext(connection) as captured:
        claiming.claim_due(NOW)
        ServerStatus.objects.update(next_probe_at=NOW + timedelta(hours=1))
        claiming.replan(NOW)
        recording.record([observation(id_, NOW) for id_ in ids])
        recording.pause(ids, actor="kim", now=NOW)
    locking = [query["sql"] for query in captured if "FOR UPDATE" in query["sql"]]
    assert len(locking) == 4
    for sql in locking:
        assert "WHERE `monitors_serverstatus`.`server_id` IN" in sql
        assert re.search(r"ORDER BY (1|`monitors_serverstatus`.`server_id`) ASC FOR UPDATE$", sql)
