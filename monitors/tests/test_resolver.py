"""Names to addresses, and whose fault it is when there are none. The name server is real and misbehaves."""

from __future__ import annotations

import asyncio
import time

import pytest
import uvloop

from monitors.probers.base import Failure
from monitors.probers.deny import DenyList
from monitors.probers.failures import ProbeFailed
from monitors.probers.resolver import Resolver
from monitors.tests.misbehaving import Farm


@pytest.fixture(scope="module")
def farm():
    with Farm() as farm:
        yield farm


def resolving(names, work, **options):
    """Run `work(resolver)` in a loop of its own."""

    async def main():
        resolver = Resolver(DenyList(), [names.server], **options)
        try:
            return await work(resolver)
        finally:
            await resolver.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


async def found(resolver, name, seconds=0.3):
    """The addresses of `name`, or the failure. What takes longer than `seconds` is silence, as in a probe."""
    try:
        async with asyncio.timeout(seconds):
            return await resolver.resolve(name)
    except TimeoutError:
        return resolver.silence(name).failure
    except ProbeFailed as exc:
        return exc.failure


NAMES = {  # sentence: (name, what is found)
    "one address": ("web.test", ("127.0.0.1",)),
    "several addresses, IPv4 first": ("both.test", ("127.0.0.2", "127.0.0.3", "::1")),
    "only IPv6": ("six.test", ("::1",)),
    "an IPv4 address is itself": ("127.0.0.9", ("127.0.0.9",)),
    "an IPv6 address is itself": ("2001:db8::9", ("2001:db8::9",)),
    "a name that does not exist": ("nobody.test", Failure.UNKNOWN_HOST),
    "a name without addresses": ("empty.test", Failure.UNKNOWN_HOST),
    "a label that is too long": ("a" * 64 + ".test", Failure.UNKNOWN_HOST),
    "a name whose servers fail": ("servfail.test", Failure.RESOLVER_FAILED),
    "a name whose servers are silent": ("silent.test", Failure.RESOLVER_TIMEOUT),
    "a denied address": ("169.254.169.254", Failure.DENIED_ADDRESS),
    "a denied name": ("metadata.google.internal", Failure.DENIED_ADDRESS),
    "a denied name with a dot": ("metadata.", Failure.DENIED_ADDRESS),
    "a name of a denied address": ("trap.test", Failure.DENIED_ADDRESS),
    "a name of a denied address among others": ("half.test", Failure.DENIED_ADDRESS),
}
ADDRESSES = {
    "web": ["127.0.0.1"],
    "both": ["::1", "127.0.0.2", "127.0.0.3"],
    "six": ["::1"],
    "empty": [],
    "trap": ["169.254.169.254"],
    "half": ["127.0.0.1", "fe80::1"],
}


@pytest.mark.parametrize(("name", "expected"), NAMES.values(), ids=NAMES)
def test_names(farm, name, expected):
    names = farm.names(**ADDRESSES)
    assert resolving(names, lambda resolver: found(resolver, name)) == expected


def test_names_of_the_hosts_file_need_no_name_server(farm):
    names = farm.names()
    addresses = resolving(names, lambda resolver: found(resolver, "localhost"))
    assert "127.0.0.1" in addresses
    assert not names.asked


def test_addresses_and_denied_names_are_not_asked_for(farm):
    names = farm.names()
    for name in ("127.0.0.1", "::1", "metadata", "169.254.169.254"):
        resolving(names, lambda resolver, name=name: found(resolver, name))
    assert not names.asked


def test_an_answer_is_remembered(farm):
    names = farm.names(web=["127.0.0.1"])

    async def twice(resolver):
        return [await found(resolver, name) for name in ("web.test", "web.test", "no.test", "no.test")]

    resolving(names, twice)
    assert names.asked == {"web.test": 1, "no.test": 1}


def test_a_server_that_moved_is_found_when_the_memory_ends(farm):
    """The record's own TTL, a minute here, is not waited for."""
    names = farm.names(web=["127.0.0.1"])

    async def move(resolver):
        before = await found(resolver, "web.test")
        names.addresses["web.test"] = ["127.0.0.2"]
        return before, await found(resolver, "web.test")

    assert resolving(names, move, memory=0) == (("127.0.0.1",), ("127.0.0.2",))


def test_one_question_for_everybody(farm):
    names = farm.names(web=["127.0.0.1"])

    async def together(resolver):
        return await asyncio.gather(*(found(resolver, "web.test") for _ in range(20)))

    assert set(resolving(names, together)) == {("127.0.0.1",)}
    assert names.asked == {"web.test": 1}


def test_who_gives_up_takes_nothing_from_the_others(farm):
    names = farm.names(web=["127.0.0.1"])

    async def one_leaves(resolver):
        impatient = asyncio.create_task(resolver.resolve("web.test"))
        patient = asyncio.create_task(resolver.resolve("web.test"))
        await asyncio.sleep(0)
        impatient.cancel()
        return await patient

    assert resolving(names, one_leaves) == ("127.0.0.1",)


def test_forty_silent_names_delay_nobody(farm):
    names = farm.names(**{f"web{n}": ["127.0.0.1"] for n in range(20)})

    async def crowd(resolver):
        silent = [asyncio.create_task(found(resolver, f"silent{n}.test", 5)) for n in range(40)]
        await asyncio.sleep(0)
        began = time.monotonic()
        healthy = await asyncio.gather(*(found(resolver, f"web{n}.test", 5) for n in range(20)))
        seconds = time.monotonic() - began
        assert not any(task.done() for task in silent)
        for task in silent:
            task.cancel()
        return seconds, set(healthy)

    seconds, healthy = resolving(names, crowd)
    assert seconds < 0.5
    assert healthy == {("127.0.0.1",)}


FAULTS = {  # sentence: (names asked one after the other, failure of the last)
    "one name fails": (["servfail1"], Failure.RESOLVER_FAILED),
    "one name fails again": (["servfail1", "servfail1"], Failure.RESOLVER_FAILED),
    "two names fail": (["servfail1", "servfail2"], Failure.PROBER_FAULT),
    "one name fails, one is silent": (["servfail1", "silent1"], Failure.PROBER_FAULT),
    "two names fail, one is answered": (["web", "servfail1", "servfail2"], Failure.RESOLVER_FAILED),
    "two names fail, one does not exist": (["nobody", "servfail1", "servfail2"], Failure.RESOLVER_FAILED),
    "the hosts file is no witness": (["localhost", "servfail1", "servfail2"], Failure.PROBER_FAULT),
}


@pytest.mark.parametrize(("asked", "expected"), FAULTS.values(), ids=FAULTS)
def test_whose_fault(farm, asked, expected):
    async def one_by_one(resolver):
        return [await found(resolver, name if name == "localhost" else f"{name}.test") for name in asked][-1]

    assert resolving(farm.names(web=["127.0.0.1"]), one_by_one) is expected


def test_a_resolver_that_died_is_not_blamed_on_the_first_to_wait(farm):
    """All were asked together; when the first gives up, the others have been waiting just as long."""

    async def together(resolver):
        return await asyncio.gather(*(found(resolver, f"silent{n}.test", 1.1) for n in range(3)))

    assert set(resolving(farm.names(), together)) == {Failure.PROBER_FAULT}


def test_closing_gives_up_what_is_in_flight(farm):
    async def leave(resolver):
        waiting = asyncio.create_task(found(resolver, "silent.test", 5))
        await asyncio.sleep(0)
        await resolver.close()
        return await waiting

    assert resolving(farm.names(), leave) is Failure.PROBER_FAULT
