"""What of a server is a secret: how it is shown, and where it may go."""

from __future__ import annotations

import importlib

import pytest
from django.apps import apps

from monitors.concealing import MaskedError, carried_off, given, masked, shown_host, unmasked
from monitors.fields import MASK, NOT_HEADERS, UnreadableHeaders
from monitors.models import Incident, InventoryRun, Server
from monitors.targets import address_text
from monitors.tests.builders import NOW

HOSTS = {  # stored: (exported, shown)
    "web.example.com": ("web.example.com", "web.example.com"),
    "https://web.example.com:8443/a": ("https://web.example.com:8443/a", "https://web.example.com:8443/a"),
    "https://web.example.com/a?key=s3cret": (f"https://web.example.com/a?{MASK}", "https://web.example.com/a"),
    "web.example.com?key=s3cret": (f"web.example.com?{MASK}", "web.example.com"),
    "web.example.com/a?": ("web.example.com/a?", "web.example.com/a?"),
    "web.example.com/@me?to=a@b": (f"web.example.com/@me?{MASK}", "web.example.com/@me"),
    "http://u:s3cret@web.example.com/a": (f"http://{MASK}@web.example.com/a", "http://web.example.com/a"),
    "u:s3cret@web.example.com": (f"{MASK}@web.example.com", "web.example.com"),
    "http://u:s3/cret@web.example.com": (f"http://{MASK}@web.example.com", "http://web.example.com"),
    "http://u:s3?cret@web.example.com?k=s3cret": (f"http://{MASK}@web.example.com?{MASK}", "http://web.example.com"),
    "web.example.com/a#s3cret": (f"web.example.com/a?{MASK}", "web.example.com/a"),
}


@pytest.mark.parametrize(("stored", "texts"), HOSTS.items(), ids=HOSTS)
def test_a_host_is_shown_without_its_secrets_and_its_mask_is_read_back(stored, texts):
    assert (masked("host", stored), shown_host(stored)) == texts
    assert unmasked("host", texts[0], stored) == stored


PATHS = {"/a": "/a", "/a?key=s3cret": f"/a?{MASK}", "/@a?b@c": f"/@a?{MASK}", "/a?": "/a?", None: None, "": ""}


@pytest.mark.parametrize(("stored", "shown"), PATHS.items(), ids=map(str, PATHS))
def test_a_path_is_shown_without_its_query_and_its_mask_is_read_back(stored, shown):
    assert masked("path", stored) == shown
    assert unmasked("path", shown, stored) == stored


NOTHING_BEHIND = {
    "no query stored": ("path", f"/a?{MASK}", "/a"),
    "another path": ("path", f"/b?{MASK}", "/a?key=s3cret"),
    "nothing stored": ("path", f"/a?{MASK}", None),
    "another host": ("host", f"other.example?{MASK}", "web.example?key=s3cret"),
    "another host behind a password": ("host", f"http://{MASK}@other.example", "http://u:p@web.example"),
    "a header that is not stored": ("request_headers", {"X-Key": MASK}, {"X-Other": "s3cret"}),
}


@pytest.mark.parametrize(("column", "sent", "stored"), NOTHING_BEHIND.values(), ids=NOTHING_BEHIND)
def test_a_mask_with_nothing_behind_it_is_refused(column, sent, stored):
    with pytest.raises(MaskedError) as refused:
        unmasked(column, sent, stored)
    assert refused.value.column == column


ADDRESSES = {  # columns: what everybody is shown
    "a query in the path": ({"path": "/a?key=s3cret"}, "http://web.example:80/a"),
    "a query in the host": ({"host": "https://web.example/a?key=s3cret"}, "https://web.example:80/a"),
    "a password": ({"host": "http://u:s3cret@web.example/a"}, "http://web.example/a:80"),
    "a query of what is no address": ({"host": "http://a b/?key=s3cret"}, "http://a b/:80"),
    "a query of what has no port": ({"port": 0, "path": "/a?key=s3cret"}, "web.example:0"),
}


@pytest.mark.parametrize(("columns", "shown"), ADDRESSES.values(), ids=ADDRESSES)
def test_an_address_is_shown_without_its_secrets(columns, shown):
    assert address_text(Server(**{"host": "web.example", "port": 80, "type": 1, **columns})) == shown


STORED = {"host": "web.example.com", "port": 80, "type": 1, "request_headers": {"X-Key": "s3cret"}}
HERE = {  # a change that leads to the same place: (what is stored, what changes)
    "nothing": ({}, {}),
    "another path": ({}, {"path": "/other"}),
    "the scheme that it had": ({}, {"scheme": "http"}),
    "the host in full": ({}, {"host": "HTTP://Web.Example.com:80/"}),
    "a final dot": ({}, {"host": "web.example.com."}),
    "a port that does not count": ({"host": "web.example.com:80"}, {"port": 8080}),
    "a WebSocket of the same server": ({}, {"type": 2}),
    "the admin's type": ({}, {"type": 6}),
    "TLS by the port or by the scheme": ({"port": 443}, {"host": "https://web.example.com"}),
    "wss instead of https": ({"port": 8443}, {"scheme": "wss", "type": 3}),
    "an international name in either form": ({"host": "bücher.example"}, {"host": "xn--bcher-kva.example"}),
    "an IPv6 address in another spelling": ({"host": "2001:db8::1"}, {"host": "[2001:0DB8:0:0::1]"}),
    "an IPv4 address in another spelling": ({"host": "127.0.0.1"}, {"host": "0x7f.1"}),
    "an address that cannot be read, as it was": ({"host": "a b"}, {"path": "/x"}),
}
ELSEWHERE = {
    "another host": ({}, {"host": "evil.example.com"}),
    "another host in full": ({}, {"host": "http://evil.example.com/"}),
    "a subdomain": ({}, {"host": "a.web.example.com"}),
    "another port": ({}, {"port": 8080}),
    "another port in the host": ({}, {"host": "web.example.com:8080"}),
    "TLS by the scheme": ({}, {"scheme": "https"}),
    "TLS by the port": ({}, {"port": 443}),
    "TLS in the host": ({}, {"host": "https://web.example.com"}),
    "down from TLS by the scheme": ({"port": 443}, {"scheme": "http"}),
    "down from TLS with a WebSocket": ({"port": 443}, {"scheme": "ws", "type": 2}),
    "a scheme that the host named, gone": ({"host": "https://web.example.com"}, {"host": "web.example.com"}),
    "from what cannot be read": ({"host": "a b"}, {"host": "web.example.com"}),
    "to what cannot be read": ({}, {"host": "a b"}),
}


def change(before, changes):
    stored, new = Server(pk=1, **{**STORED, **before}), Server(pk=1, **{**STORED, **before, **changes})
    return set(carried_off(stored, new, given(changes)))


@pytest.mark.parametrize(("before", "changes"), HERE.values(), ids=HERE)
def test_secrets_stay_at_the_same_place(before, changes):
    assert change(before, changes) == set()


@pytest.mark.parametrize(("before", "changes"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_secrets_do_not_go_elsewhere(before, changes):
    assert change(before, changes) == {"request_headers"}


GIVEN = {  # what else changes with the host: the columns that have to be given again
    "nothing": ({}, {}, {"request_headers"}),
    "the masks": ({}, {"request_headers": {"X-Key": MASK}}, {"request_headers"}),
    "one mask of two": ({}, {"request_headers": {"X-Key": MASK, "X-New": "1"}}, {"request_headers"}),
    "new values": ({}, {"request_headers": {"X-Key": "new"}}, set()),
    "no headers any more": ({}, {"request_headers": None}, set()),
    "headers that cannot be read": (
        {"request_headers": UnreadableHeaders("sealed", NOT_HEADERS)},
        {},
        {"request_headers"},
    ),
    "the query of a path that stays": ({"path": "/a?k=s3cret"}, {}, {"request_headers", "path"}),
    "the masked query": ({"path": "/a?k=s3cret"}, {"path": f"/a?{MASK}"}, {"request_headers", "path"}),
    "the query anew": ({"path": "/a?k=s3cret"}, {"path": "/a?k=new"}, {"request_headers"}),
    "a path without a query": ({"path": "/a"}, {}, {"request_headers"}),
    "no path any more": ({"path": "/a?k=s3cret"}, {"path": None}, {"request_headers"}),
    "a query in the new host": ({}, {"host": "evil.example.com/a?k=new"}, {"request_headers"}),
}


@pytest.mark.parametrize(("before", "changes", "again"), GIVEN.values(), ids=GIVEN)
def test_what_is_given_anew_may_go_elsewhere(before, changes, again):
    assert change(before, {"host": "evil.example.com", **changes}) == again


def test_the_query_of_a_host_stays_where_it_was_when_the_port_changes():
    assert change({"host": "web.example.com/a?k=s3cret"}, {"port": 81}) == {"request_headers", "host"}


def test_a_new_server_takes_what_it_is_given():
    assert carried_off(Server(), Server(**STORED), set()) == {}


@pytest.mark.django_db
def test_what_was_kept_before_loses_its_secrets():
    kept = {
        "https://web.example.com:443/a?key=s3cret": "https://web.example.com:443/a",
        "https://web.example.com:443/@me": "https://web.example.com:443/@me",
        "https://[2001:db8::1]:443/?key=s3cret@a": "https://[2001:db8::1]:443/",
        "http://u:s3cret@web.example.com:80": "http://web.example.com:80",
        "u:s3?cret@web.example.com:80": "web.example.com:80",
        "web.example.com#s3cret:80": "web.example.com",
    }
    Incident.objects.bulk_create(
        Incident(server_id=1, host_name="a", environment="LIVE", address=address, began_at=NOW, confirmed_at=NOW)
        for address in kept
    )
    changed = [{"host_name": "a", "changes": {"host": ["old.example?k=s3cret", "new.example"], "port": [1, 2]}}]
    InventoryRun.objects.create(started_at=NOW, changed=changed)
    importlib.import_module("monitors.migrations.0019_addresses_without_secrets").conceal(apps, None)
    assert list(Incident.objects.order_by("pk").values_list("address", flat=True)) == list(kept.values())
    assert InventoryRun.objects.get().changed[0]["changes"] == {"host": ["old.example", "new.example"], "port": [1, 2]}
