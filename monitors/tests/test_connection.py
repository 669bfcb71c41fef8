"""Which address is connected to, and which never is."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
import time
from datetime import timedelta

import pytest

from monitors.engine.deny import DenyList
from monitors.engine.progress import CONNECT, explain, most_telling
from monitors.tests import misbehaving as bad
from monitors.tests.failing import Failure
from monitors.tests.misbehaving import AMPLE, BRIEF, Farm, Server, answer, full_backlog, says, see


@pytest.fixture(scope="module")
def farm():
    with Farm() as farm:
        yield farm


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


@needs_ipv6
def test_an_ipv6_address_is_connected_to(farm):
    server = farm.serve(says(answer()), host="::1")
    outcome = see(server, host="::1")
    assert (outcome.ok, outcome.address) == (True, "::1")
    assert f"Host: [::1]:{server.port}\r\n".encode() in server.requests[0]


@needs_ipv6
def test_a_name_with_only_an_ipv6_address(farm):
    names = farm.names(web=["::1"])
    outcome = see(farm.serve(says(answer()), host="::1"), host="web.test", nameservers=[names.server])
    assert (outcome.ok, outcome.address) == (True, "::1")


def test_the_next_address_is_tried_when_the_first_refuses(farm):
    names = farm.names(web=["127.0.0.3", "127.0.0.2", "127.0.0.1"])
    outcome = see(farm.serve(says(answer())), host="web.test", nameservers=[names.server])
    assert (outcome.ok, outcome.address) == (True, "127.0.0.1")


@needs_ipv6
def test_ipv4_is_tried_before_ipv6(farm):
    names = farm.names(web=["::1", "127.0.0.1"])
    outcome = see(farm.serve(says(answer())), host="web.test", nameservers=[names.server])
    assert (outcome.ok, outcome.address) == (True, "127.0.0.1")


def test_an_address_that_hangs_leaves_time_for_the_next(farm):
    server = farm.serve(says(answer()), host="127.0.0.2")
    with full_backlog(server.port):
        names = farm.names(web=["127.0.0.1", "127.0.0.2"])
        outcome = see(server, host="web.test", nameservers=[names.server], timeout=BRIEF)
    assert (outcome.ok, outcome.address) == (True, "127.0.0.2")


def test_an_address_that_hangs_costs_a_fraction_of_a_second(farm):
    """RFC 8305 5: the next is tried beside it, without a share of a long timeout being waited for."""
    server = farm.serve(says(answer()), host="127.0.0.3")
    with full_backlog(server.port), full_backlog(server.port, "127.0.0.2"):
        names = farm.names(web=["127.0.0.1", "127.0.0.2", "127.0.0.3"])
        outcome = see(server, host="web.test", nameservers=[names.server], timeout=timedelta(seconds=30))
    assert (outcome.ok, outcome.address) == (True, "127.0.0.3")
    assert outcome.elapsed < timedelta(seconds=10)


@needs_ipv6
def test_an_address_that_was_resolved_late_is_tried(farm):
    names = farm.names(web=["127.0.0.1", "::1"])
    names.delays = {("web.test", "AAAA"): 0.3}
    server = farm.serve(says(answer()), host="::1")
    outcome = see(server, host="web.test", nameservers=[names.server])
    assert (outcome.ok, outcome.address) == (True, "::1")


@needs_ipv6
def test_an_address_that_was_resolved_late_is_tried_beside_one_that_hangs(farm):
    names = farm.names(web=["127.0.0.1", "::1"])
    names.delays = {("web.test", "AAAA"): 0.3}
    server = farm.serve(says(answer()), host="::1")
    with full_backlog(server.port):
        outcome = see(server, host="web.test", nameservers=[names.server])
    assert (outcome.ok, outcome.address) == (True, "::1")


def test_a_refusal_is_told_although_more_addresses_may_come(farm):
    names = farm.names(web=["127.0.0.1"])
    names.codes = {("web.test", "AAAA"): None}
    with bad.closed_port() as port:
        outcome = see(Server(port), host="web.test", nameservers=[names.server], timeout=timedelta(seconds=1))
    assert outcome.failure is Failure.REFUSED


NO_ROUTE = "127.255.255.255"  # Linux has no route for TCP to a broadcast address
SEVERAL = {  # sentence: (addresses, what is told); the port of 127.0.0.1 is closed
    "no route comes last": (["127.0.0.1", NO_ROUTE], Failure.REFUSED),
    "no route comes first": ([NO_ROUTE, "127.0.0.1"], Failure.REFUSED),
    "no route alone": ([NO_ROUTE], Failure.UNREACHABLE),
}


@pytest.mark.parametrize(("addresses", "failure"), SEVERAL.values(), ids=SEVERAL)
def test_the_most_telling_error_of_several_addresses_is_told(farm, addresses, failure):
    names = farm.names(web=addresses)
    with bad.closed_port() as port:
        outcome = see(Server(port), host="web.test", nameservers=[names.server])
    assert outcome.failure is failure


def test_a_timeout_tells_more_than_no_route(farm):
    with full_backlog() as listener:
        names = farm.names(web=[NO_ROUTE, "127.0.0.1"])
        port = listener.getsockname()[1]
        outcome = see(Server(port), host="web.test", nameservers=[names.server], timeout=BRIEF)
    assert outcome.failure is Failure.TIMEOUT_CONNECT


def test_the_final_dot_is_for_the_name_server_alone(farm):
    names = farm.names(web=["127.0.0.1"])
    server = farm.serve(says(answer()))
    assert see(server, host="web.test.", nameservers=[names.server]).ok
    assert f"Host: web.test:{server.port}\r\n".encode() in server.requests[0]


def test_a_redirect_to_the_same_name_without_its_final_dot_is_followed(farm):
    names = farm.names(web=["127.0.0.1"])
    server = farm.serve(
        bad.replies(
            lambda path: (
                answer(302, headers=f"Location: http://web.test:{server.port}/up\r\n") if path == "/" else answer()
            )
        )
    )
    assert see(server, host="web.test.", nameservers=[names.server]).status == 200
    assert server.paths == ["/", "/up"]


def test_all_addresses_refuse(farm):
    with bad.closed_port() as port:
        names = farm.names(web=["127.0.0.3", "127.0.0.2", "127.0.0.1"])
        outcome = see(Server(port), host="web.test", nameservers=[names.server])
    assert outcome.failure is Failure.REFUSED


def test_a_refusal_that_comes_late_is_a_refusal():
    """The kernel asks again after a second, and nobody listens any more: the loop sees an error instead of a write."""
    with full_backlog() as listener:
        port = listener.getsockname()[1]
        began = time.monotonic()
        closer = bad.closing_soon(listener)
        outcome = see(Server(port), timeout=AMPLE)
        closer.join()
    assert outcome.failure is Failure.REFUSED
    assert time.monotonic() - began < 3


DENIED = {
    "the address itself": "169.254.169.254",
    "another spelling": "::ffff:169.254.169.254",
    "its name": "metadata.google.internal",
    "a name that leads there": "trap.test",
    "a name that leads there among others": "half.test",
}


@pytest.mark.parametrize("host", DENIED.values(), ids=DENIED)
def test_a_denied_address_is_never_connected_to(farm, host):
    names = farm.names(trap=["169.254.169.254"], half=["127.0.0.1", "169.254.169.254"])
    server = farm.serve(says(answer()))
    outcome = see(server, host=host, nameservers=[names.server])
    assert outcome.failure is Failure.DENIED_ADDRESS
    assert outcome.stages.connect is None
    assert server.arrivals == []


def test_a_redirect_to_a_denied_address_is_not_followed(farm):
    names = farm.names(web=["127.0.0.1"])
    server = farm.serve(says(answer(302, headers="Location: http://169.254.169.254/latest\r\n")))
    outcome = see(server, host="web.test", nameservers=[names.server])
    assert (outcome.failure, outcome.status, outcome.address) == (None, 302, "127.0.0.1")
    assert len(server.arrivals) == 1


def test_extra_networks_are_denied(farm):
    server = farm.serve(says(answer()))
    assert see(server, deny=DenyList(["127.0.0.1"])).failure is Failure.DENIED_ADDRESS
    assert server.arrivals == []


async def reads_slowly(visit):
    """Takes a request of any size, piece by piece."""
    tail = b""
    while not tail.endswith(b"\r\n\r\n"):
        tail = (tail + await visit.reader.read(65_536))[-4:]
    await visit.send(answer())


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_request_that_fills_the_buffers_is_sent_to_its_end(farm, scheme):
    context = farm.authority.context("127.0.0.1") if scheme == "https" else None
    server = farm.serve(reads_slowly, tls=context)
    assert see(server, scheme=scheme, verify_tls=False, headers=(("X", "y" * 9_000_000),)).ok


def test_a_server_that_answers_but_does_not_read_keeps_no_loop_busy(farm):
    """What it sent lies unread while we wait to write: that must wake nobody."""
    silent = threading.Event()

    async def answers_only(visit):
        visit.writer.transport.pause_reading()
        await visit.send(answer(413))
        await asyncio.to_thread(silent.wait)

    server = farm.serve(answers_only)
    busy = time.thread_time()
    outcome = see(server, headers=(("X", "y" * 9_000_000),), timeout=timedelta(seconds=2))
    silent.set()
    assert (outcome.failure, outcome.stages.first_byte) == (Failure.TIMEOUT_FIRST_BYTE, None)
    assert time.thread_time() - busy < 1


def test_a_server_that_resets_while_it_is_written_to(farm):
    async def resets(visit):
        await visit.reader.read(100_000)
        visit.reset()

    assert see(farm.serve(resets), headers=(("X", "y" * 9_000_000),)).failure is Failure.RESET


TELLING = {  # sentence: (errors, the one that is told)
    "the first of equals": ([errno.ECONNREFUSED, errno.ETIMEDOUT], errno.ECONNREFUSED),
    "the first of equals, the other way round": ([errno.ETIMEDOUT, errno.ECONNREFUSED], errno.ETIMEDOUT),
    "refused before no route": ([errno.EHOSTUNREACH, errno.ECONNREFUSED], errno.ECONNREFUSED),
    "timeout before no network": ([errno.ENETUNREACH, errno.ETIMEDOUT], errno.ETIMEDOUT),
    "reset before no route": ([errno.EHOSTUNREACH, errno.ECONNRESET], errno.ECONNRESET),
    "no neighbour before no network": ([errno.ENETUNREACH, errno.EHOSTUNREACH], errno.EHOSTUNREACH),
    "no network before no such addresses": ([errno.EAFNOSUPPORT, errno.ENETUNREACH], errno.ENETUNREACH),
    "no such addresses before a firewall of ours": ([errno.EPERM, errno.EAFNOSUPPORT], errno.EAFNOSUPPORT),
    "an address that nobody looked at before all": ([errno.ECONNREFUSED, errno.EMFILE], errno.EMFILE),
    "one alone": ([errno.EPERM], errno.EPERM),
}


@pytest.mark.parametrize(("codes", "told"), TELLING.values(), ids=TELLING)
def test_which_error_tells_most(codes, told):
    assert most_telling([OSError(code, os.strerror(code)) for code in codes]).errno == told


OURS = {
    "no descriptors": OSError(errno.EMFILE, "Too many open files"),
    "no memory": OSError(errno.ENOMEM, "Cannot allocate memory"),
    "no port": OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"),
    "our firewall": PermissionError(errno.EPERM, "Operation not permitted"),
    "something without a number": OSError("what?"),
}


@pytest.mark.parametrize("exc", OURS.values(), ids=OURS)
def test_what_no_server_can_cause_is_inconclusive(exc):
    failure, detail = explain(exc, CONNECT)
    assert failure is Failure.PROBER_FAULT
    assert "CONNECT" in detail
