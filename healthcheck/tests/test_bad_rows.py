"""One row that somebody wrote by SQL harms itself alone: everything else is claimed, probed, recorded, shown and told,
and its server is still told about when it is down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import zip_longest
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.test import Client
from django.utils import timezone

from monitors import claiming, recording, seeding, worker
from monitors.engine.base import Outcome, Target
from monitors.fields import NOT_HEADERS, UNREADABLE, encrypt
from monitors.models import Environment, Incident, Policy, Server, ServerStatus
from monitors.policy import Origin
from monitors.targets import effective_of, policies, target_of
from monitors.tests.builders import observation, server
from monitors.tests.failing import Failure
from monitors.tests.people import client_of, visitor
from notifications import outbox
from notifications.models import Channel, Delivery, StormRule
from notifications.outbox.composing import compose

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

STRICT = "STRICT_TRANS_TABLES,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO"
SECOND = timedelta(seconds=1)
ANOTHER_KEY = Fernet(b"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")

PAGES = (
    *("/", "/live/", "/incidents/", "/channels/", "/servers/servers.csv", "/servers/servers.json"),
    *("/servers/servers.yaml", "/servers/new/", "/api/servers/", "/api/status/", "/api/incidents/"),
    *("/api/transitions/", "/api/policies/", "/api/channels/", "/api/deliveries/", "/metrics", "/admin/"),
    *("/admin/monitors/server/", "/admin/monitors/serverstatus/", "/admin/monitors/policy/"),
    *("/admin/monitors/incident/", "/admin/notifications/channel/", "/admin/notifications/stormrule/"),
)
PAGES_OF_A_SERVER = ("/servers/{}/", "/servers/{}/edit/", "/admin/monitors/server/{}/change/", "/api/servers/{}/")

NUMBERS = {
    "interval_seconds": (0, -1, 1.5, 4_000_000_000, "often"),
    "timeout_seconds": (0, -1, 1e12, "long"),
    "healthy_threshold": (0, -1, 65_535, "many"),
    "unhealthy_threshold": (0, -1, 101, "many"),
    "slow_after_ms": (0, -1, 4_000_000, "slow"),
}
TEXTS = {
    "environment": ("", "PROD", "live"),
    "type": (0, -1, 99, "web"),
    "port": (0, -1, 70_000, "http"),
    "host": ("", " ", "http://[", "two words", "x" * 255, "a\r\nb", "ftp://a", "[::1]:99999"),
    "host_name": ("", "\u3000", "x" * 255, "\x01\u202e", "a\0b", "<script>", "=1+1", "웹 🚀", "a\r\nb", "- {a: [b"),
    "path": ("/ \r\nX: y", "가" * 500, "\\"),
    "scheme": ("ftp", " "),
    "expected_status": ("garbage", "299-200", ",,"),
    "expected_text": ("\0\x01",),
    "subprotocol": ("a\r\nX: y", " "),
    "tags": ('["a", "b"]', "{", ",,,", "x" * 500),
    "notification": (2,),
    "verify_tls": (2, -1),
    "options": ("[1]", '"x"', '{"a": 1e999}'),
    "from_inventory": (2,),
    "created_at": (None, "0000-00-00 00:00:00", "yesterday", 0, "9999-12-31 23:59:59"),
    "updated_at": ("0000-00-00 00:00:00", "yesterday"),
}
HEADERS = {  # sentence: (what is stored, what is said of it)
    "garbage": (lambda: "garbage", UNREADABLE),
    "plain JSON": (lambda: '{"A": "b"}', UNREADABLE),
    "another key's": (lambda: ANOTHER_KEY.encrypt(b'{"A": "b"}').decode(), UNREADABLE),
    "an empty text": (lambda: "", UNREADABLE),
    "no JSON": (lambda: encrypt("garbage"), NOT_HEADERS),
    "nested too deeply": (lambda: encrypt("[" * 100_000), NOT_HEADERS),
    "a list": (lambda: encrypt("[1]"), NOT_HEADERS),
    "null": (lambda: encrypt("null"), NOT_HEADERS),
    "a number for a value": (lambda: encrypt('{"A": 1}'), NOT_HEADERS),
    "a line break in a name": (lambda: encrypt('{"A\\r\\nB": "c"}'), ""),
    "a line break in a value": (lambda: encrypt('{"A": "b\\r\\nC: d"}'), ""),
    "half a character": (lambda: encrypt('{"A": "\\ud800"}'), ""),
}
BAD_COLUMNS = [(column, value) for column, values in (NUMBERS | TEXTS).items() for value in values]


@contextmanager
def lenient() -> Iterator[Any]:
    """A session in which the database takes what it is given."""
    mysql = connection.vendor == "mysql"
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode=''" if mysql else "PRAGMA ignore_check_constraints=ON")
        try:
            yield cursor
        finally:
            cursor.execute(f"SET SESSION sql_mode='{STRICT}'" if mysql else "PRAGMA ignore_check_constraints=OFF")


def write(table: str, column: str, value: Any, key: str, row: Any) -> None:
    with lenient() as cursor:
        cursor.execute(f"UPDATE {table} SET {column}=%s WHERE {key}=%s", [value, row])


class Fleet:
    """A good server and as many bad ones as there are ways to be bad, and a channel that hears of all of them."""

    def __init__(self, bad: int = 1) -> None:
        self.good = server(host_name="good")
        self.bad = [server(host_name=f"bad {number}") for number in range(bad)]
        Channel.objects.create(channel_id="C1", name="alerts")
        self.now = timezone.now().replace(microsecond=0)

    @property
    def ids(self) -> set[int]:
        return {self.good.pk, *(bad.pk for bad in self.bad)}

    def claimed(self) -> set[int]:
        ServerStatus.objects.update(next_probe_at=self.now, claimed_until=None)
        return {claim.server_id for claim in claiming.claim_due(self.now)}

    def loaded(self) -> dict[int, Target | Outcome]:
        return {job.server_id: job.target for job in worker.load(dict.fromkeys(self.ids, self.now))}

    def go_down(self) -> None:
        """Each until the run that holds for it is complete."""
        in_force = policies()
        runs = {one.pk: effective_of(one, in_force).unhealthy_threshold for one in Server.objects.all()}
        for left in range(max(runs.values()), 0, -1):
            slot = self.now - left * SECOND
            recording.record([observation(pk, slot, ok=False) for pk, run in runs.items() if run >= left])

    def told(self) -> set[int]:
        """Of which servers the channel is about to be told that they are down."""
        outbox.fan_out_news(timezone.now())
        found = Delivery.objects.filter(state="pending", channel="C1", kind="failure").select_related("transition")
        channel = Channel.objects.get(pk="C1")
        assert all(compose(delivery, channel).title for delivery in found)
        return {delivery.transition.server_id for delivery in found if delivery.transition}


def no_storms() -> None:
    StormRule.objects.bulk_create(StormRule(environment=name, servers=0) for name in Environment.values)


@pytest.fixture
def admin() -> Client:
    return visitor("admin", is_staff=True, is_superuser=True)


def everybody_is_served(fleet: Fleet, admin: Client) -> None:
    good = target_of(fleet.good, policies())
    assert fleet.claimed() == fleet.ids
    loaded = fleet.loaded()
    assert loaded.keys() == fleet.ids
    assert loaded[fleet.good.pk] == good
    fleet.go_down()
    assert set(Incident.objects.values_list("server_id", flat=True)) == fleet.ids
    assert fleet.told() == fleet.ids
    everything_is_shown(fleet, admin)


def everything_is_shown(fleet: Fleet, admin: Client) -> None:
    paths = [*PAGES, *(path.format(number) for path in PAGES_OF_A_SERVER for number in fleet.ids)]
    failed = {path: status for path in paths if (status := admin.get(path).status_code) != 200}
    assert not failed
    assert admin.get("/readyz").json()["checks"]["database"]["ok"]
    api = client_of("admin")
    for path in ("/api/servers/", "/api/status/", "/api/incidents/"):
        names = [row["host_name"] for row in api.get(f"{path}?page_size=1000").json()["results"]]
        assert len(names) == len(fleet.ids), path
        assert "good" in names, path
    assert "good" in admin.get("/?q=good").content.decode()
    assert admin.get("/rows/", {"ids": ",".join(map(str, fleet.ids))}).status_code == 200
    good = [row for row in admin.get("/servers/servers.json").json() if row["host_name"] == "good"]
    proposal = seeding.propose(seeding.read(json.dumps(good).encode()))
    assert len(proposal.of(seeding.Action.UNCHANGED)) == 1


def test_servers_with_bad_values_harm_themselves_alone(admin):
    """Each in a row of its own, all at the same time."""
    no_storms()
    rows = [*BAD_COLUMNS, *(("request_headers", stored()) for stored, _said in HEADERS.values())]
    fleet = Fleet(len(rows))
    for bad, (column, value) in zip(fleet.bad, rows, strict=True):
        write("server_health", column, value, "id", bad.pk)
    everybody_is_served(fleet, admin)


@pytest.mark.parametrize(("stored", "said"), HEADERS.values(), ids=HEADERS)
def test_headers_that_cannot_be_used_are_named_and_stay_as_they_are(stored, said):
    fleet, text = Fleet(), stored()
    [bad] = fleet.bad
    write("server_health", "request_headers", text, "id", bad.pk)
    found = fleet.loaded()[bad.pk]
    assert isinstance(found, Outcome)
    assert found.failure is (Failure.PROBER_FAULT if said == UNREADABLE else Failure.INVALID_ADDRESS)
    assert said in found.detail
    assert target_of(Server.objects.get(pk=bad.pk), policies()) == found
    changed = client_of("operator").patch(f"/api/servers/{bad.pk}/", {"interval_seconds": 20})
    assert changed.status_code == (200 if said else 400)
    with connection.cursor() as cursor:
        cursor.execute("SELECT request_headers FROM server_health WHERE id=%s", [bad.pk])
        assert cursor.fetchone()[0] == text


def test_policies_with_bad_values_harm_nobody(admin):
    for values in zip_longest(*NUMBERS.values()):
        for column, value in zip(NUMBERS, values, strict=True):
            write(Policy._meta.db_table, column, value, "environment", "LIVE")
        fleet = Fleet()
        Server.objects.filter(pk=fleet.good.pk).update(**dict.fromkeys(NUMBERS, 7))
        fleet.good.refresh_from_db()
        Server.objects.exclude(pk=fleet.good.pk).update(**dict.fromkeys(NUMBERS))
        everybody_is_served(fleet, admin)
        assert admin.get("/admin/monitors/policy/LIVE/change/").status_code == 200
        recording.delete(fleet.ids, actor="tests", now=timezone.now())
        for model in (Incident, Delivery, Channel):
            model.objects.all().delete()


RULES = {"servers": (1, 65_535, "all"), "seconds": (0, 65_535, "soon")}


@pytest.mark.parametrize(("column", "value"), [(column, value) for column, values in RULES.items() for value in values])
def test_a_storm_rule_with_a_bad_value_keeps_no_news_back(column, value):
    StormRule.objects.create(environment="LIVE")
    write(StormRule._meta.db_table, column, value, "environment", "LIVE")
    fleet = Fleet()
    fleet.go_down()
    outbox.fan_out_news(timezone.now())
    told = {row.kind for row in Delivery.objects.filter(channel="C1", state="pending")}
    assert told in ({"failure"}, {"storm"})


CHANNEL = {
    "environments": ('["LIVE"]', "live", ",,", "PROD"),
    "language": ("xx", "ko_KR", "../../etc", "x" * 10),
    "name": ("", " ", "<b>", "\x01", "웹 🚀"),
    "hook_url": ("garbage", ""),
    "kind": ("train", ""),
    "settings": ("garbage", ""),
    "hook_url_hint": ("x" * 20,),
    "guarantee": ("for ever",),
    "lacks": ("everything",),
    "updated_at": ("0000-00-00 00:00:00", "yesterday"),
    "enabled": (2,),
}
BAD_CHANNELS = [(column, value) for column, values in CHANNEL.items() for value in values]


def test_channels_with_bad_values_silence_no_other(admin):
    for number, (column, value) in enumerate(BAD_CHANNELS):
        Channel.objects.create(channel_id=f"C{number + 2}", name="bad")
        write("notifications", column, value, "channel_id", f"C{number + 2}")
    everybody_is_served(Fleet(), admin)
    now = timezone.now()
    assert "C1" in outbox.due_channels(now)
    assert len(Channel.objects.defer("hook_url")) == len(BAD_CHANNELS) + 1
    for channel in Channel.objects.defer("hook_url"):
        for delivery in Delivery.objects.filter(channel=channel, state="pending"):
            assert compose(delivery, channel).title
        assert admin.get(f"/admin/notifications/channel/{channel.pk}/change/").status_code == 200
        assert admin.get(f"/api/channels/{channel.pk}/").status_code == 200


SAID = {  # sentence: (column, value, what holds, where it comes from)
    "an interval of nothing": ("interval_seconds", 0, 1, Origin.CLAMPED),
    "an interval of a century": ("interval_seconds", 4_000_000_000, 86_400, Origin.CLAMPED),
    "a timeout of nothing": ("timeout_seconds", 0, 0.1, Origin.CLAMPED),
    "a threshold of nothing": ("unhealthy_threshold", 0, 1, Origin.CLAMPED),
}


@pytest.mark.parametrize(("column", "value", "holds", "origin"), SAID.values(), ids=SAID)
def test_what_is_out_of_bounds_is_brought_inside_and_says_so(column, value, holds, origin):
    bad = server()
    write("server_health", column, value, "id", bad.pk)
    shown = client_of("viewer").get(f"/api/servers/{bad.pk}/").json()
    assert shown[column] == value
    assert shown["effective"][column] == {"value": holds, "origin": origin}


@pytest.mark.parametrize(("stored", "shown"), {"": "UNKNOWN", "PROD": "UNKNOWN", "live": "LIVE"}.items())
def test_a_server_is_found_in_the_environment_that_it_shows(admin, stored, shown):
    fleet = Fleet()
    write("server_health", "environment", stored, "id", fleet.bad[0].pk)
    api = client_of("viewer")
    for path in ("/api/servers/", "/api/status/"):
        found = api.get(f"{path}?environment={shown}").json()["results"]
        assert ("bad 0", shown) in [(row["host_name"], row["environment"]) for row in found]
        others = {"LIVE", "STAGE", "DEV", "UNKNOWN"} - {shown}
        found = api.get(path, {"environment": list(others)}).json()["results"]
        assert "bad 0" not in [row["host_name"] for row in found]
    assert "bad 0" in admin.get(f"/?environment={shown}").content.decode()
    assert f'healthcheck_servers{{environment="{shown}",health="UNKNOWN"}} {2.0 if shown == "LIVE" else 1.0}' in (
        api.get("/metrics").content.decode()
    )
