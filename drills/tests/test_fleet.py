"""The script of the fleet, with a real farm."""

import http.client
import time

import pytest

from benchmarks.farm import address
from drills.fleet import LOST_PER_FAULT, SURPLUS, THRESHOLD, running_fleet


@pytest.fixture(scope="module")
def fleet():
    with running_fleet(2) as running:
        yield running


def probe(fleet, target, times=1) -> list[int]:
    (row,) = [row for row in fleet.rows(["LIVE"]) if row["host"] == address(target)]
    statuses = []
    for _ in range(times):
        connection = http.client.HTTPConnection(row["host"], row["port"], timeout=5)
        connection.request("GET", "/")
        statuses.append(connection.getresponse().status)
        connection.close()
    return statuses


def test_the_script_says_when_a_server_failed_and_which_probe_made_it_certain(fleet):
    probe(fleet, 0)
    fleet.set_down([0])
    assert probe(fleet, 0, THRESHOLD) == [500] * THRESHOLD
    fleet.look()
    (failing,) = fleet.flaps([0])
    assert failing.ended is None
    assert failing.down_for_sure is not None
    assert failing.began < failing.down_for_sure
    fleet.set_up([0])
    assert probe(fleet, 0, THRESHOLD) == [200] * THRESHOLD
    fleet.look()
    (over,) = fleet.flaps()
    assert over.ended is not None
    assert over.up_for_sure is not None
    assert over.down_for_sure < over.ended < over.up_for_sure


def test_a_server_changes_only_when_the_monitor_must_know_of_it(fleet):
    fleet.set_down([1])
    probe(fleet, 1, THRESHOLD + SURPLUS - 1)
    assert not fleet.are_certain([1])
    probe(fleet, 1)
    assert fleet.are_certain([1])


def test_a_fault_may_have_swallowed_outcomes(fleet):
    fleet.set_up([1])
    fleet.faults += 1
    probe(fleet, 1, THRESHOLD + SURPLUS)
    assert not fleet.are_certain([1])
    probe(fleet, 1, LOST_PER_FAULT)
    assert fleet.are_certain([1])


def test_to_change_into_the_same_is_no_change(fleet):
    fleet.set_up([1])
    before = fleet.flaps([1])
    fleet.set_up([1])
    assert fleet.flaps([1]) == before


def test_how_long_a_server_was_not_probed_is_noted(fleet):
    began = time.monotonic()
    fleet.watch()
    probe(fleet, 0)
    first = fleet.longest_unseen()
    assert first <= time.monotonic() - began, "of the other one, which is not probed"
    probe(fleet, 1)
    assert first <= fleet.longest_unseen() <= time.monotonic() - began


def test_a_server_takes_as_long_to_answer_as_it_is_told_to(fleet):
    fleet.answer_after(0.3)
    began = time.monotonic()
    probe(fleet, 0)
    assert time.monotonic() - began >= 0.3
    fleet.answer_after(0)
