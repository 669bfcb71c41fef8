"""How loads are spelt, and what they watch."""

from __future__ import annotations

from itertools import pairwise

import pytest

from benchmarks.alerts import latencies, spaced_slots
from benchmarks.farm import Farm, Hit, Mode, address
from benchmarks.loads import Load, parse_load

FARM = Farm(pid=1, port=8000, tls_port=8443, dns_port=53, control_port=1)
LOADS = {
    "1000@10": Load(1000),
    "5000@2.5": Load(5000, 2.5),
    "mariadb-1000@10": Load(1000, on_mariadb=True),
    "tls-500@5": Load(500, 5, kind="tls"),
    "websocket-500@5": Load(500, 5, kind="websocket"),
    "hanging": Load(2000, hanging=1000),
}


@pytest.mark.parametrize(("text", "load"), LOADS.items())
def test_loads_are_read(text, load):
    assert parse_load(text) == load


@pytest.mark.parametrize("text", ["", "1000", "0@10", "1000@0", "10@-1", "redis-10@10", "1000@10s", " 1@1"])
def test_what_is_no_load_is_refused(text):
    with pytest.raises(ValueError, match="not a load"):
        parse_load(text)


def test_targets_have_addresses_of_their_own():
    assert len({address(target) for target in range(5000)}) == 5000
    assert (address(0), address(256)) == ("127.16.0.0", "127.16.1.0")


def test_servers_that_hang_are_spread_evenly_and_the_others_are_sound():
    load = Load(10, hanging=5)
    assert load.troubled == [0, 2, 4, 6, 8]
    assert load.sound == [1, 3, 5, 7, 9]
    assert Load(3).troubled == []


def test_beside_silent_names_the_others_have_names_too():
    rows = list(Load(2, silent=1).rows(FARM))
    assert [row["host"] for row in rows] == ["target0.test", "target1.test", "silent0.test"]


def test_both_systems_are_told_of_the_same_targets():
    assert Load(1).peer_targets(FARM) == ["http://127.16.0.0:8000"]
    assert Load(1, kind="tls").peer_targets(FARM) == ["https://127.16.0.0:8443"]
    assert Load(1, kind="websocket").peer_targets(FARM) == ["127.16.0.0:8000"]


def test_flips_are_spaced_and_each_is_of_another_target():
    servers = {target: target + 1 for target in range(200)}
    chosen = spaced_slots(servers, 10.0, 1_700_000_000.0, 30, spacing=1.3)
    slots = [slot for slot, _ in chosen]
    assert len({target for _, target in chosen}) == 30
    assert all(later - earlier > 1.299 for earlier, later in pairwise(slots))


def test_latency_counts_from_the_hit_that_completes_the_run():
    hits = [Hit(at, 7, mode) for at, mode in [(90.0, Mode.OK), (100.0, Mode.FAIL), (110.0, Mode.FAIL)]]
    assert latencies([(100.0, 7)], Mode.FAIL, 2, hits, {7: 110.25}) == [0.25]
    assert latencies([(100.0, 7)], Mode.FAIL, 2, hits, {}) == []
    assert latencies([(100.0, 7)], Mode.FAIL, 3, hits, {7: 110.25}) == []
