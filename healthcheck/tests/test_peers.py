"""Where requests come from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthcheck.peers import LOOPBACK, UNKNOWN, client, networks, site

LOCAL = networks(LOOPBACK)
TWO = networks(("127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48"))

ASKED = {  # sentence: (peer, X-Forwarded-For, trusted, address)
    "without a proxy it is the peer": ("192.0.2.1", "", LOCAL, "192.0.2.1"),
    "a peer that is no proxy says nothing of others": ("192.0.2.1", "203.0.113.9", LOCAL, "192.0.2.1"),
    "a proxy says who asked it": ("127.0.0.1", "203.0.113.9", LOCAL, "203.0.113.9"),
    "what stands before that may be made up": ("127.0.0.1", "1.1.1.1, 203.0.113.9", LOCAL, "203.0.113.9"),
    "two proxies": ("127.0.0.1", "203.0.113.9, 10.0.0.7", TWO, "203.0.113.9"),
    "a proxy asks for itself": ("127.0.0.1", "10.0.0.7", TWO, "10.0.0.7"),
    "a proxy of IPv6": ("2001:db8:1::5", "203.0.113.9", TWO, "203.0.113.9"),
    "nobody is trusted": ("127.0.0.1", "203.0.113.9", [], "127.0.0.1"),
    "a proxy that says nonsense": ("127.0.0.1", "203.0.113.9, unknown", LOCAL, "127.0.0.1"),
    "a proxy that says nothing": ("127.0.0.1", " ", LOCAL, "127.0.0.1"),
    "ports are left out": ("127.0.0.1", "203.0.113.9:4711", LOCAL, "203.0.113.9"),
    "ports of IPv6, too": ("127.0.0.1", "[2001:db8::9]:4711", LOCAL, "2001:db8::9"),
    "IPv4 in IPv6 is IPv4": ("::ffff:127.0.0.1", "::ffff:203.0.113.9", LOCAL, "203.0.113.9"),
    "a zone is left out": ("fe80::1%eth0", "", LOCAL, "fe80::1"),
    "a Unix socket is on this machine": ("", "203.0.113.9", LOCAL, "203.0.113.9"),
    "what is no address": ("testclient", "203.0.113.9", LOCAL, UNKNOWN),
}


@pytest.mark.parametrize(("peer", "forwarded", "trusted", "address"), ASKED.values(), ids=ASKED)
def test_the_client_is_whom_the_last_trusted_proxy_saw(peer, forwarded, trusted, address):
    assert client(peer, forwarded, trusted) == address


@given(st.text(max_size=100))
def test_nothing_in_the_header_moves_whoever_is_no_proxy(forwarded):
    assert client("192.0.2.1", forwarded, LOCAL) == "192.0.2.1"


@given(st.text(max_size=100))
def test_no_header_breaks_anything(forwarded):
    assert client("127.0.0.1", forwarded, LOCAL)


SITES = {
    "192.0.2.1": "192.0.2.1",
    "2001:db8::1": "2001:db8::/64",
    "2001:db8::ffff:1": "2001:db8::/64",
    "2001:db8:0:1::1": "2001:db8:0:1::/64",
    "::ffff:192.0.2.1": "192.0.2.1",
    "nonsense": UNKNOWN,
}


@pytest.mark.parametrize(("address", "counted"), SITES.items(), ids=SITES)
def test_addresses_of_ipv6_are_counted_by_their_network(address, counted):
    assert site(address) == counted
