"""Names to addresses, and whose fault it is when there are none. The name server is real and misbehaves."""

from __future__ import annotations

import asyncio
import socket
import time
from types import SimpleNamespace

import pytest
import uvloop

from monitors.engine.deny import DenyList
from monitors.engine.progress import ProbeFailed
from monitors.engine.question import RESOLUTION_DELAY
from monitors.engine.resolver import Resolver
from monitors.tests.failing import Failure
from monitors.tests.misbehaving import Farm


@pytest.fixture(scope="module")
def farm():
    with Farm() as farm:
        yield farm


@pytest.fixture(autouse=True)
def _no_search_list(monkeypatch):
    monkeypatch.setenv("LOCALDOMAIN", "")


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


def patience(name):
    """Seconds: few where nothing will come, many for a machine that is busy."""
    return 0.3 if name.startswith("silent") else 5


async def found(resolver, name, seconds=None):
    """The addresses of `name`, or the failure. What takes longer than `seconds` is silence, as in a probe."""
    try:
        async with asyncio.timeout(seconds or patience(name)):
            return await resolver.resolve(name)
    except TimeoutError:
        return resolver.silence(name).failure
    except ProbeFailed as exc:
        return exc.failure


async def said(resolver, name, seconds=None):
    """The sentence of a name that is not resolved."""
    try:
        async with asyncio.timeout(seconds or patience(name)):
            await resolver.resolve(name)
    except TimeoutError:
        return resolver.silence(name).detail
    except ProbeFailed as exc:
        return exc.detail


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


SILENCE, SERVFAIL, FORMERR, NXDOMAIN, NOTIMP, REFUSED = None, 2, 1, 3, 4, 5
SENTENCES = {  # sentence: (what A is answered, what AAAA, kind, words); a 0 is an answer without addresses
    "the name does not exist": (NXDOMAIN, NXDOMAIN, Failure.UNKNOWN_HOST, "NXDOMAIN"),
    "the name has no addresses": (0, 0, Failure.UNKNOWN_HOST, "exists, but no address"),
    "a server that says NXDOMAIN for want of an AAAA": (0, NXDOMAIN, Failure.UNKNOWN_HOST, "exists, but no address"),
    "the name server fails": (SERVFAIL, SERVFAIL, Failure.RESOLVER_FAILED, "SERVFAIL"),
    "the name server refuses": (REFUSED, REFUSED, Failure.RESOLVER_FAILED, "REFUSED"),
    "the name server does not know the question": (NOTIMP, NOTIMP, Failure.RESOLVER_FAILED, "NOTIMP"),
    "the name server cannot read the question": (FORMERR, FORMERR, Failure.RESOLVER_FAILED, "FORMERR"),
    "a failure tells more than no address": (0, SERVFAIL, Failure.RESOLVER_FAILED, "SERVFAIL"),
    "a failure tells more than silence": (SERVFAIL, SILENCE, Failure.RESOLVER_FAILED, "SERVFAIL"),
    "a failure of AAAA tells more than silence": (SILENCE, REFUSED, Failure.RESOLVER_FAILED, "REFUSED"),
    "no A tells less than a silent AAAA": (0, SILENCE, Failure.RESOLVER_TIMEOUT, "within the timeout"),
    "no name at all tells more than a silent AAAA": (NXDOMAIN, SILENCE, Failure.UNKNOWN_HOST, "NXDOMAIN"),
    "no name at all tells more than a failing AAAA": (NXDOMAIN, SERVFAIL, Failure.UNKNOWN_HOST, "NXDOMAIN"),
    "there may be an A where AAAA is said not to exist": (SILENCE, NXDOMAIN, Failure.RESOLVER_TIMEOUT, "within"),
}


@pytest.mark.parametrize(("a", "aaaa", "failure", "words"), SENTENCES.values(), ids=SENTENCES)
def test_what_the_name_server_said_is_told(farm, a, aaaa, failure, words):
    names = farm.names()
    names.codes = {("odd.test", "A"): a, ("odd.test", "AAAA"): aaaa}

    async def both(resolver):
        seconds = 1 if SILENCE in (a, aaaa) else None
        return await found(resolver, "odd.test", seconds), await said(resolver, "odd.test", seconds)

    kind, detail = resolving(names, both)
    assert kind is failure
    assert words in detail


def test_a_name_server_that_is_not_there_is_told():
    with socket.socket(type=socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        server = SimpleNamespace(server=f"127.0.0.1:{nobody.getsockname()[1]}")
    assert resolving(server, lambda resolver: found(resolver, "web.test")) is Failure.RESOLVER_FAILED
    assert "No name server" in resolving(server, lambda resolver: said(resolver, "web.test"))


ENOUGH = {  # sentence: (the kind of question, how it is answered, what is found all the same)
    "AAAA is silent": ("AAAA", SILENCE, ("127.0.0.2",)),
    "AAAA fails": ("AAAA", SERVFAIL, ("127.0.0.2",)),
    "AAAA is refused": ("AAAA", REFUSED, ("127.0.0.2",)),
    "AAAA is said not to exist": ("AAAA", NXDOMAIN, ("127.0.0.2",)),
    "A is silent": ("A", SILENCE, ("::1",)),
    "A fails": ("A", SERVFAIL, ("::1",)),
    "A is refused": ("A", REFUSED, ("::1",)),
}


@pytest.mark.parametrize(("kind", "code", "expected"), ENOUGH.values(), ids=ENOUGH)
def test_one_kind_of_address_is_enough(farm, kind, code, expected):
    names = farm.names(both=["::1", "127.0.0.2"])
    names.codes = {("both.test", kind): code}
    assert resolving(names, lambda resolver: found(resolver, "both.test", 0.9)) == expected


def test_the_first_usable_answer_waits_for_the_other_and_not_for_long(farm):
    names = farm.names(both=["::1", "127.0.0.2"])
    names.codes = {("both.test", "AAAA"): SILENCE}

    async def timed(resolver):
        began = time.monotonic()
        await found(resolver, "both.test")
        return time.monotonic() - began

    assert RESOLUTION_DELAY * 0.9 < resolving(names, timed) < 0.9  # c-ares asks again after a second


def test_what_comes_late_is_had_later(farm):
    names = farm.names(both=["::1", "127.0.0.2"])
    names.delays = {("both.test", "AAAA"): 0.8}

    async def patient(resolver):
        before = await found(resolver, "both.test")
        unsettled = resolver.unsettled("both.test")
        late = await resolver.late("both.test")
        return before, unsettled, late, resolver.unsettled("both.test"), await found(resolver, "both.test")

    both = ("127.0.0.2", "::1")
    assert resolving(names, patient) == (("127.0.0.2",), True, both, False, both)
    assert names.asked == {"both.test": 1}


def test_nothing_comes_late_where_everything_is_settled(farm):
    names = farm.names(both=["::1", "127.0.0.2"])

    async def asked_again(resolver):
        await found(resolver, "both.test")
        return resolver.unsettled("both.test"), await resolver.late("both.test")

    assert resolving(names, asked_again) == (False, ())


def test_a_denied_address_that_comes_late_is_denied(farm):
    names = farm.names(half=["127.0.0.1", "fe80::1"])
    names.delays = {("half.test", "AAAA"): 0.8}

    async def late(resolver):
        before = await found(resolver, "half.test")
        with pytest.raises(ProbeFailed) as caught:
            await resolver.late("half.test")
        return before, caught.value.failure, await found(resolver, "half.test")

    denied = Failure.DENIED_ADDRESS
    assert resolving(names, late) == (("127.0.0.1",), denied, denied)


def test_a_silent_kind_of_address_says_nothing_against_our_resolver(farm):
    """Both names are answered in part and still open: nobody counts them among those that nothing is heard of."""
    names = farm.names(one=["127.0.0.1"], two=["127.0.0.1"])
    names.codes = {(name, "AAAA"): SILENCE for name in ("one.test", "two.test")}

    async def several(resolver):
        await found(resolver, "one.test")
        await found(resolver, "two.test")
        await asyncio.sleep(1.1)
        return resolver.unsettled("one.test"), await found(resolver, "silent.test")

    assert resolving(names, several) == (True, Failure.RESOLVER_TIMEOUT)


def test_two_spellings_of_one_silent_name_are_one_name(farm):
    async def both(resolver):
        return [await found(resolver, name) for name in ("silent.test", "silent.test.")]

    assert resolving(farm.names(), both) == [Failure.RESOLVER_TIMEOUT] * 2


SEARCHED = {  # sentence: (search list, ndots, host, what is found)
    "a name of one label is looked for in its domain": ("corp.test", 1, "web", ("127.0.0.1",)),
    "a name that exists is not looked for elsewhere": ("corp.test", 1, "own.test", ("127.0.0.4",)),
    "a name with fewer dots than asked for is, first": ("corp.test", 2, "own.test", ("127.0.0.5",)),
    "a name that is gone is found in the domain": ("corp.test", 1, "gone.test", ("127.0.0.6",)),
    "a final dot keeps it from being looked for there": ("corp.test", 1, "gone.test.", Failure.UNKNOWN_HOST),
    "so it does for a name of one label": ("corp.test", 1, "web.", Failure.UNKNOWN_HOST),
    "however many dots are asked for": ("corp.test", 5, "own.test.", ("127.0.0.4",)),
    "the second domain is tried": ("none.test corp.test", 1, "web", ("127.0.0.1",)),
    "the first that has any address is the one": ("six.test corp.test", 1, "web", ("::1",)),
    "a failure is not looked away from": ("corp.test", 1, "servfail.test", Failure.RESOLVER_FAILED),
    "a domain that fails is not passed over": ("servfail.test corp.test", 1, "servfail-web", Failure.RESOLVER_FAILED),
    "a name that is too long in a domain is not in it": (
        f"{'a' * 63}.{'b' * 63} corp.test",
        1,
        f"{'c' * 60}.{'d' * 60}.x.test",
        Failure.UNKNOWN_HOST,
    ),
}


@pytest.mark.parametrize(("domains", "ndots", "host", "expected"), SEARCHED.values(), ids=SEARCHED)
def test_the_search_list(farm, monkeypatch, domains, ndots, host, expected):
    monkeypatch.setenv("LOCALDOMAIN", domains)
    monkeypatch.setenv("RES_OPTIONS", f"ndots:{ndots}")
    names = farm.names()
    names.addresses = {
        "web.corp.test": ["127.0.0.1"],
        "web.six.test": ["::1"],
        "own.test": ["127.0.0.4"],
        "own.test.corp.test": ["127.0.0.5"],
        "gone.test.corp.test": ["127.0.0.6"],
        "servfail.test.corp.test": ["127.0.0.7"],
        "servfail-web.corp.test": ["127.0.0.8"],
    }
    assert resolving(names, lambda resolver: found(resolver, host)) == expected


def test_a_resolver_that_declines_names_of_one_label_does_not_hide_them_elsewhere(farm, monkeypatch):
    monkeypatch.setenv("LOCALDOMAIN", "corp.test")
    monkeypatch.setenv("RES_OPTIONS", "ndots:0")
    names = farm.names()
    names.addresses = {"web.corp.test": ["127.0.0.1"]}
    names.codes = {("web", kind): REFUSED for kind in ("A", "AAAA")}
    assert resolving(names, lambda resolver: found(resolver, "web")) == ("127.0.0.1",)


def test_a_silent_kind_of_question_does_not_end_the_search(farm, monkeypatch):
    monkeypatch.setenv("LOCALDOMAIN", "none.test corp.test")
    names = farm.names()
    names.addresses = {"web.corp.test": ["127.0.0.1"]}
    names.codes = {(f"web.{domain}", "AAAA"): SILENCE for domain in ("none.test", "corp.test")}
    assert resolving(names, lambda resolver: found(resolver, "web", 0.9)) == ("127.0.0.1",)


@pytest.mark.parametrize("host", ["localhost", "localhost.", "my_shop.apps.localhost", "a.localhost."])
def test_localhost_is_never_asked_for(farm, host):
    names = farm.names()
    assert resolving(names, lambda resolver: found(resolver, host))[:1] == ("127.0.0.1",)
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


def test_a_question_outlives_the_channel_that_it_was_asked_through(farm):
    names = farm.names(web=["127.0.0.1"], slow=["127.0.0.2"])
    names.delays = {("slow.test", kind): 0.3 for kind in ("A", "AAAA")}

    async def renewed_meanwhile(resolver):
        slow = asyncio.create_task(found(resolver, "slow.test"))
        await asyncio.sleep(0)
        return await found(resolver, "web.test"), await slow

    assert resolving(names, renewed_meanwhile, memory=0) == (("127.0.0.1",), ("127.0.0.2",))


def test_a_name_is_asked_for_anew_although_a_kind_of_address_is_still_open(farm):
    names = farm.names(web=["127.0.0.1"])
    names.codes = {("web.test", "AAAA"): SILENCE}

    async def moved(resolver):
        before = await found(resolver, "web.test")
        names.addresses["web.test"] = ["127.0.0.2"]
        return before, await found(resolver, "web.test")

    assert resolving(names, moved, memory=0) == (("127.0.0.1",), ("127.0.0.2",))


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
