from datetime import timedelta

import pytest

from monitors import claiming, recording
from monitors.models import Gap, Policy, Server, ServerStatus
from monitors.schedule import next_slot
from monitors.tests.builders import INTERVAL, NOW, SECOND, observation, server

pytestmark = pytest.mark.django_db


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
