"""What an inventory changes, and what it cannot."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from monitors import claiming, recording
from monitors import inventory as inventory_module
from monitors.inventory import VANISHED, InventoryError, synchronise
from monitors.models import Incident, InventoryRun, Server, ServerStatus, StatusTransition
from monitors.tests.builders import NOW, SECOND, observation, see, server
from monitors.tests.inventory_stand_in import TOKEN, inventory_server, listing, send


@pytest.fixture
def inventory(settings):
    with inventory_server() as stand_in:
        settings.INVENTORY_URL, settings.INVENTORY_TOKEN = stand_in.url, TOKEN
        yield stand_in


def sync(*, dry_run: bool = False, force: bool = False, now: Any = NOW) -> InventoryRun:
    return synchronise(dry_run=dry_run, force=force, now=now)


@pytest.mark.django_db
class TestSynchronise:
    def test_seed_defect_15_new_servers_are_created_and_then_unchanged(self, inventory):
        inventory.body = json.dumps({"servers": listing("a", "b", rack=7)}).encode()
        assert sync().created == ["a", "b"]
        assert Server.objects.filter(from_inventory=True, notification=True, paused=False).count() == 2
        assert Server.objects.filter(status__isnull=True).count() == 0
        second = sync()
        assert (second.created, second.changed, second.vanished, second.unchanged) == ([], [], [], 2)

    def test_only_what_the_inventory_decides_is_changed(self, inventory):
        server(host_name="a", from_inventory=True, notification=False, healthy_threshold=7, tags=["ours"], path="/x")
        inventory.lists(*listing("a", host="new.example.com", notification=True, healthy_threshold=1))
        (changed,) = sync().changed
        assert changed["changes"]["host"] == ["127.0.0.1", "new.example.com"]
        one = Server.objects.get()
        assert (one.host, one.port) == ("new.example.com", 443)
        assert (one.notification, one.healthy_threshold, one.tags, one.path) == (False, 7, ["ours"], "/x")

    def test_whoever_gives_a_type_may_mean_something_else_by_kind(self, inventory):
        inventory.body = json.dumps({"servers": listing("a", kind="vm")}).encode()
        assert sync().created == ["a"]

    def test_the_vanished_are_paused_and_those_who_were_told_of_a_failure_are_told_its_end(self, inventory):
        gone = server(host_name="gone", from_inventory=True)
        see(gone, "--")
        server(host_name="by hand")
        inventory.lists(*listing("a"))
        assert sync().vanished == ["gone"]
        gone.refresh_from_db()
        assert (gone.paused, gone.paused_reason) == (True, VANISHED)
        assert StatusTransition.objects.latest("id").outage == "ended"
        assert not Server.objects.get(host_name="by hand").paused
        assert sync().vanished == []

    def test_one_that_comes_back_is_resumed(self, inventory):
        server(host_name="gone", from_inventory=True)
        inventory.lists(*listing("a"))
        sync()
        inventory.lists(*listing("a"), *listing("gone", host="127.0.0.1", port=8080))
        assert sync().changed == [{"host_name": "gone", "changes": {"paused": [True, False]}}]
        assert not Server.objects.get(host_name="gone").paused

    def test_a_pause_of_ours_outlasts_the_inventory(self, inventory):
        ours = server(host_name="ours", from_inventory=True)
        recording.pause([ours.pk], actor="alice", reason="disk swap", now=NOW)
        inventory.lists(*listing("a"))
        assert sync().vanished == []
        inventory.lists(*listing("a", "ours"))
        sync()
        ours.refresh_from_db()
        assert (ours.paused, ours.paused_reason) == (True, "disk swap")

    def test_a_server_made_by_hand_is_adopted(self, inventory):
        server(host_name="Web", host="web.example.com", port=443)
        inventory.lists(*listing("web"))
        assert sync().changed == [{"host_name": "Web", "changes": {"from_inventory": [False, True]}}]
        assert Server.objects.get().from_inventory
        assert sync().unchanged == 1

    def test_a_server_made_by_hand_is_adopted_with_what_changes(self, inventory):
        server(host_name="web", host="web.example.com", port=80)
        inventory.lists(*listing("web"))
        assert sync().changed[0]["changes"] == {"port": [80, 443], "from_inventory": [False, True]}
        assert Server.objects.get().from_inventory

    def test_invalid_rows_are_reported_and_the_rest_applies(self, inventory):
        server(host_name="bad", from_inventory=True)
        inventory.lists(*listing("good"), *listing("bad", port=70_000), "nonsense", *listing("GOOD"), {"port": 1})
        run = sync()
        assert run.created == ["good"]
        assert run.vanished == []  # a row that is wrong still says that its server exists
        assert {(one["row"], one["host_name"], one["field"]) for one in run.rejected} >= {
            (2, "bad", "port"),
            (3, "", ""),
            (4, "GOOD", "host_name"),
            (5, "", "host_name"),
        }
        assert Server.objects.get(host_name="bad").port == 8080

    PLAUSIBLE = {  # sentence: (managed, still listed, applied)
        "one of four": (4, 3, True),
        "all but one of four": (4, 1, True),
        "one of five, which is 20 %": (5, 4, True),
        "two of five": (5, 3, False),
        "nearly all of fifty": (50, 1, False),
        "ten of fifty, which is 20 %": (50, 40, True),
        "eleven of fifty": (50, 39, False),
    }

    @pytest.mark.parametrize(("managed", "listed", "applied"), PLAUSIBLE.values(), ids=PLAUSIBLE)
    def test_too_many_changes_stop_everything(self, inventory, managed, listed, applied):
        names = [f"web-{n}" for n in range(managed)]
        Server.objects.bulk_create(Server(**one, from_inventory=True) for one in listing(*names))
        recording.ensure_statuses(NOW)
        inventory.lists(*listing(*names[:listed], "new"))
        if applied:
            assert len(sync().vanished) == managed - listed
            return
        with pytest.raises(InventoryError, match="more than 20 %") as refused:
            sync()
        assert len(refused.value.run.vanished) == managed - listed
        assert InventoryRun.objects.get().error == refused.value.message
        assert Server.objects.filter(paused=True).count() == 0
        assert not Server.objects.filter(host_name="new").exists()
        assert len(sync(force=True).vanished) == managed - listed

    def test_changes_count_like_the_vanished(self, inventory):
        names = [f"web-{n}" for n in range(10)]
        Server.objects.bulk_create(Server(**one, from_inventory=True) for one in listing(*names))
        recording.ensure_statuses(NOW)
        inventory.lists(*listing(*names[:7]), *listing(*names[7:9], port=80))
        with pytest.raises(InventoryError, match="3 of the inventory's 10"):
            sync()

    @pytest.mark.parametrize("force", [False, True])
    @pytest.mark.parametrize("answer", [[], [5, {"port": 1}]], ids=["empty", "nothing valid"])
    def test_an_answer_without_a_server_changes_nothing(self, inventory, answer, force):
        server(host_name="a", from_inventory=True)
        inventory.lists(*answer)
        with pytest.raises(InventoryError, match="nothing was changed"):
            sync(force=force)
        assert not Server.objects.get().paused

    def test_an_empty_inventory_is_fine_while_nothing_is_its_own(self, inventory):
        server(host_name="by hand")
        assert sync().unchanged == 0

    def test_a_dry_run_shows_and_writes_nothing(self, inventory):
        server(host_name="gone", from_inventory=True)
        server(host_name="a", from_inventory=True)
        inventory.lists(*listing("a", "new"))
        run = sync(dry_run=True)
        assert (run.created, run.vanished, len(run.changed)) == (["new"], ["gone"], 1)
        assert InventoryRun.objects.get().dry_run
        assert set(Server.objects.values_list("host_name", "paused", "port")) == {
            ("gone", False, 8080),
            ("a", False, 8080),
        }

    def test_a_failure_is_kept(self, inventory, settings):
        settings.INVENTORY_TOKEN = "wrong"
        with pytest.raises(InventoryError):
            sync()
        run = InventoryRun.objects.get()
        assert "INVENTORY_TOKEN" in run.error
        assert run.finished_at is not None

    def test_a_second_run_at_the_same_time_is_refused(self, inventory):
        other = InventoryRun.objects.create(started_at=NOW - timedelta(seconds=119))
        with pytest.raises(InventoryError, match="already running"):
            sync()
        assert InventoryRun.objects.get() == other

    def test_a_run_that_was_killed_holds_nobody_up(self, inventory):
        killed = InventoryRun.objects.create(started_at=NOW - timedelta(seconds=121))
        sync()
        killed.refresh_from_db()
        assert "interrupted" in killed.error

    def test_the_last_hundred_runs_are_kept_with_a_thousand_names_each(self, inventory):
        InventoryRun.objects.bulk_create(
            InventoryRun(started_at=NOW - timedelta(days=1), finished_at=NOW) for _ in range(150)
        )
        inventory.lists(*listing(*(f"web-{n}" for n in range(1100))))
        run = sync()
        assert len(run.created) == 1100
        assert InventoryRun.objects.count() == 100
        run.refresh_from_db()
        assert len(run.created) == 1000

    def test_without_a_url_there_is_nothing_to_ask(self, settings):
        settings.INVENTORY_URL = ""
        with pytest.raises(InventoryError, match="not set"):
            sync()
        assert not InventoryRun.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_others_can_write_while_the_inventory_is_asked_but_nobody_else_can_ask(inventory):
    """No transaction is open during the request, and the second run sees the first."""
    seen: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        server(host_name="made meanwhile")
        try:
            sync()
        except InventoryError as error:
            seen.append(error.message)
        connection.close()
        send(handler, json.dumps(listing("a")).encode())

    inventory.answers["/servers"] = answer
    assert sync().created == ["a"]
    assert seen == ["A synchronisation is already running."]
    assert Server.objects.count() == 2


@pytest.mark.django_db
class TestCommand:
    @staticmethod
    def run(*options: str) -> tuple[str, str]:
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command("sync_inventory", *options, stdout=out, stderr=err)
        except CommandError as error:
            return out.getvalue(), f"{err.getvalue()}{error}"
        return out.getvalue(), err.getvalue()

    def test_says_what_it_did(self, inventory):
        server(host_name="gone", from_inventory=True)
        server(host_name="a", from_inventory=True, host="web.example.com", port=80)
        inventory.lists(*listing("a", "new\x1b"), *listing("new", "bad", type=9)[1:], *listing("new"))
        out, err = self.run()
        assert out == (
            "created new\n"
            "changed a: port 80 → 443\n"
            "vanished gone: paused, not deleted\n"
            "1 created, 1 changed, 1 vanished, 0 unchanged, 2 rejected\n"
        )
        assert "rejected row 2, new\\x1b: host_name: " in err
        assert "rejected row 3, bad: type: " in err

    def test_a_dry_run_says_so(self, inventory):
        inventory.lists(*listing("a"))
        assert self.run("--dry-run")[0].endswith("Dry run: nothing was written.\n")
        assert not Server.objects.exists()

    def test_shows_what_it_refuses_to_do(self, inventory):
        Server.objects.bulk_create(Server(**one, from_inventory=True) for one in listing(*"abcde"))
        inventory.lists(*listing("a"))
        out, err = self.run()
        assert out.count("vanished") == 4
        assert "--force" in err


@pytest.fixture
def slow_inventory(monkeypatch, settings):
    """An inventory that answers after something happened meanwhile."""
    settings.INVENTORY_URL = "http://127.0.0.1:1/"

    def answer(meanwhile, *rows):
        def fetch(*_args, **_more):
            meanwhile()
            return list(rows)

        monkeypatch.setattr(inventory_module, "fetch", fetch)

    return answer


@pytest.mark.django_db
class TestSlowInventories:
    def test_what_is_on_its_way_while_an_inventory_answers_does_not_count_for_the_new_address(self, slow_inventory):
        asked = timezone.now() - 5 * SECOND
        target = server(host_name="shop", unhealthy_threshold=1, from_inventory=True)
        claims = []

        def meanwhile():
            ServerStatus.objects.update(next_probe_at=timezone.now() + SECOND)
            claims.extend(claiming.claim_due(timezone.now()))

        slow_inventory(meanwhile, *listing("shop", host="10.0.0.2"))
        sync(now=asked, force=True)
        recording.record([observation(target.pk, claims[0].slot, ok=False)])
        assert not Incident.objects.exists()

    def test_a_change_is_dated_when_it_is_made_and_not_when_it_was_asked_for(self, slow_inventory):
        asked = timezone.now() - timedelta(minutes=1)
        gone = server(host_name="gone", unhealthy_threshold=1, from_inventory=True)
        slow_inventory(lambda: see(gone, "-", start=timezone.now() - SECOND), *listing("stays"))
        sync(now=asked, force=True)
        incident = Incident.objects.get()
        assert incident.ended_at is not None
        assert incident.began_at < incident.ended_at
        assert StatusTransition.objects.latest("id").at == incident.ended_at >= asked + timedelta(minutes=1)

    def test_a_run_that_another_clock_began_stops_none_of_ours(self, slow_inventory):
        later = NOW + timedelta(hours=1)
        InventoryRun.objects.create(started_at=later)
        slow_inventory(lambda: None, *listing("a"))
        assert sync().created == ["a"]
        other = InventoryRun.objects.earliest("id")
        assert (other.finished_at, other.error) == (later, "The run was interrupted.")
