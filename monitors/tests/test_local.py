"""What /etc/hosts and resolv.conf say. Pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.engine.local import Names, read_hosts, read_search

SEARCH = {  # sentence: (resolv.conf, environment, host name of this machine, domains and ndots)
    "nothing is said": ("", {}, "vm", ((), 1)),
    "the domain of this machine is searched": ("nameserver 192.0.2.1\n", {}, "vm.corp.test", (("corp.test",), 1)),
    "a list": ("search corp.test Lan.test\n", {}, "vm.x", (("corp.test", "lan.test"), 1)),
    "a domain": ("domain corp.test extra.test\n", {}, "vm", (("corp.test",), 1)),
    "the last of several counts": ("search a.test\ndomain b.test\nsearch c.test\n", {}, "vm", (("c.test",), 1)),
    "an empty list is none": ("search a.test\nsearch\n", {}, "vm", (("a.test",), 1)),
    "a comment": ("# search a.test\n;search b.test\n", {}, "vm", ((), 1)),
    "as Kubernetes has it": ("search ns.svc svc\noptions ndots:5 edns0\n", {}, "vm", (("ns.svc", "svc"), 5)),
    "more dots than there can be": ("options ndots:99\n", {}, "vm", ((), 15)),
    "dots that are no number": ("options ndots:x ndots\n", {}, "vm", ((), 1)),
    "the environment wins": (
        "search a.test\noptions ndots:5\n",
        {"LOCALDOMAIN": "b.test c.test", "RES_OPTIONS": "debug ndots:2"},
        "vm",
        (("b.test", "c.test"), 2),
    ),
    "the environment switches it off": ("search a.test\n", {"LOCALDOMAIN": ""}, "vm.x", ((), 1)),
}


@pytest.mark.parametrize(("text", "environ", "hostname", "expected"), SEARCH.values(), ids=SEARCH)
def test_the_search_list_is_read(text, environ, hostname, expected):
    assert read_search(text, environ, hostname) == expected


CANDIDATES = {  # sentence: (domains, ndots, host, what it may stand for)
    "without a list": ((), 1, "web.test", "web.test."),
    "one label": (("a.test", "b.test"), 1, "web", "web.a.test. web.b.test. web."),
    "enough dots": (("a.test",), 1, "web.test", "web.test. web.test.a.test."),
    "too few dots": (("a.test",), 2, "web.test", "web.test.a.test. web.test."),
    "no dots needed": (("a.test",), 0, "web", "web. web.a.test."),
    "a final dot": (("a.test",), 5, "web.", "web."),
    "a domain with a final dot": (("a.test.",), 1, "web", "web.a.test. web."),
    "the root as a domain": ((".",), 1, "web", "web."),
}


@pytest.mark.parametrize(("domains", "ndots", "host", "expected"), CANDIDATES.values(), ids=CANDIDATES)
def test_what_a_host_may_stand_for(domains, ndots, host, expected):
    assert Names({}, domains, ndots).candidates(host) == tuple(expected.split())


@given(
    host=st.from_regex(r"[a-z]{1,5}(\.[a-z]{1,5}){0,3}\.?", fullmatch=True),
    domains=st.lists(st.from_regex(r"[a-z]{1,5}(\.[a-z]{1,5}){0,2}\.?", fullmatch=True), max_size=4),
    ndots=st.integers(0, 15),
)
def test_every_candidate_is_absolute_and_the_name_itself_is_one(host, domains, ndots):
    candidates = Names({}, tuple(domains), ndots).candidates(host)
    itself = host.removesuffix(".") + "."
    assert all(name.endswith(".") and not name.endswith("..") for name in candidates)
    assert itself in candidates
    assert candidates[0 if host.count(".") >= ndots else -1] == itself or host.endswith(".")
    assert len(set(candidates)) == len(candidates)
    assert (len(candidates) == 1) >= host.endswith(".")


HOSTS = """
127.0.0.1   localhost
127.0.1.1   vm.corp.test vm   # of this machine
::1         localhost ip6-localhost
fe80::1%lo0 localhost
2001:DB8::5 Web
192.0.2.5   web web
10.0.0.7    api.localhost
not-an-address  odd
192.0.2.9
"""
HERE = {
    "vm": ("127.0.1.1",),
    "vm.corp.test.": ("127.0.1.1",),
    "web": ("192.0.2.5", "2001:db8::5"),
    "odd": (),
    "nobody": (),
    "localhost": ("127.0.0.1", "::1"),
    "localhost.": ("127.0.0.1", "::1"),
    "ip6-localhost": ("::1",),
    "shop.localhost": ("127.0.0.1", "::1"),
    "api.localhost": ("10.0.0.7",),
    "notlocalhost": (),
}


@pytest.mark.parametrize(("host", "expected"), HERE.items(), ids=HERE)
def test_what_the_hosts_file_says(host, expected):
    assert Names(read_hosts(HOSTS)).addresses(host) == expected


def test_localhost_needs_no_file():
    assert Names().addresses("localhost") == ("127.0.0.1", "::1")
