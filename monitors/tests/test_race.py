"""Which of several addresses is connected to, and what becomes of the others. No network: connecting is played."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

import pytest

from monitors.engine.progress import ProbeFailed
from monitors.engine.race import Race
from monitors.tests.failing import Failure

REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "refused")
NO_ROUTE = OSError(errno.EHOSTUNREACH, "no route")
DENIED = ProbeFailed(Failure.DENIED_ADDRESS, "Denied.")
HANGS = object()


class Played:
    """A connection that remembers whether it was closed."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Ground:
    """What connecting to each address comes to: an error, `HANGS`, or else success."""

    def __init__(self, **answers: object) -> None:
        self.answers = answers
        self.begun: list[str] = []
        self.connected: list[Played] = []
        self.both = asyncio.Event()

    async def connect(self, address: str) -> Played:
        self.begun.append(address)
        if len(self.begun) == 2:
            self.both.set()
        answer = self.answers.get(address)
        if answer is HANGS:
            await asyncio.get_running_loop().create_future()
        if isinstance(answer, asyncio.Event):
            await answer.wait()
        if isinstance(answer, Exception):
            raise answer
        self.connected.append(Played(address))
        return self.connected[-1]


def run(ground: Ground, addresses: str, late: Callable[[], object] | None = None, seconds: float = 5) -> str:
    async def race() -> str:
        deadline = asyncio.get_running_loop().time() + seconds
        won = await Race(ground.connect, deadline).winner(addresses.split(), late() if late else None)  # type: ignore[arg-type]
        await asyncio.sleep(0)
        return won.address

    return asyncio.run(race())


RACES = {  # sentence: (what the addresses do, addresses, winner, addresses that were tried)
    "the first that accepts wins and no other is tried": ({}, "a b", "a", "a"),
    "one that refuses is followed at once": ({"a": REFUSED}, "a b c", "b", "a b"),
    "one that hangs is followed after a while": ({"a": HANGS}, "a b c", "b", "a b"),
    "two that hang are followed": ({"a": HANGS, "b": HANGS}, "a b c", "c", "a b c"),
}


@pytest.mark.parametrize(("answers", "addresses", "winner", "begun"), RACES.values(), ids=RACES)
def test_who_wins(answers, addresses, winner, begun):
    ground = Ground(**answers)
    assert run(ground, addresses) == winner
    assert ground.begun == begun.split()


def test_one_that_is_slow_may_still_win():
    slow = asyncio.Event()

    class Slow(Ground):
        async def connect(self, address: str) -> Played:
            if address == "b":
                slow.set()
            return await super().connect(address)

    ground = Slow(a=slow, b=HANGS)
    assert run(ground, "a b") == "a"
    assert ground.begun == ["a", "b"]


def test_what_connects_although_another_has_won_is_closed():
    async def race() -> tuple[str, list[bool]]:
        go = asyncio.Event()
        ground = Ground(a=go, b=go)
        running = asyncio.create_task(Race(ground.connect, 1e9).winner(["a", "b"], None))  # type: ignore[arg-type]
        await ground.both.wait()
        go.set()
        won = await running
        await asyncio.sleep(0)
        return won.address, [found.closed for found in ground.connected if found.address != won.address]

    winner, closed = asyncio.run(race())
    assert winner in "ab"
    assert closed == [True]


ERRORS = {  # sentence: (what the addresses do, what is told)
    "the more telling one": ({"a": NO_ROUTE, "b": REFUSED}, REFUSED),
    "wherever it stands": ({"a": REFUSED, "b": NO_ROUTE}, REFUSED),
    "a denied address ends it": ({"a": REFUSED, "b": DENIED}, DENIED),
}


@pytest.mark.parametrize(("answers", "told"), ERRORS.values(), ids=ERRORS)
def test_what_is_told_when_nobody_accepts(answers, told):
    with pytest.raises(type(told)) as caught:
        run(Ground(**answers), "a b")
    assert caught.value is told


async def brings_c():
    return ("a", "b", "c")


async def brings_nothing():
    return ()


async def never_comes():
    await asyncio.get_running_loop().create_future()


async def is_denied():
    raise DENIED


LATE = {  # sentence: (what the addresses do, what comes late, winner, addresses that were tried)
    "an address that comes late is tried last": ({"a": REFUSED, "b": REFUSED}, brings_c, "c", "a b c"),
    "those that are known are not tried twice": ({"a": HANGS, "b": HANGS}, brings_c, "c", "a b c"),
    "it is not needed": ({}, never_comes, "a", "a"),
    "nothing comes": ({"a": REFUSED}, brings_nothing, "b", "a b"),
}


@pytest.mark.parametrize(("answers", "late", "winner", "begun"), LATE.values(), ids=LATE)
def test_addresses_that_come_late(answers, late, winner, begun):
    ground = Ground(**answers)
    assert run(ground, "a b", late) == winner
    assert ground.begun == begun.split()


def test_what_comes_late_does_not_shorten_the_time_of_the_first():
    """Nothing new is no reason to try the second address at once."""
    go = asyncio.Event()
    going = []

    async def on():
        for _turn in range(20):
            await asyncio.sleep(0)
        go.set()

    async def nothing_and_on():
        going.append(asyncio.create_task(on()))
        return ()

    ground = Ground(a=go)
    assert run(ground, "a b", nothing_and_on) == "a"
    assert ground.begun == ["a"]


def test_a_denied_address_that_comes_late_ends_it():
    with pytest.raises(ProbeFailed):
        run(Ground(a=HANGS), "a", is_denied)


def test_nobody_waits_for_what_would_come_too_late():
    with pytest.raises(ConnectionRefusedError):
        run(Ground(a=REFUSED), "a", never_comes, seconds=0.2)


def test_one_who_gives_up_leaves_nothing_behind():
    async def give_up() -> int:
        ground = Ground(a=HANGS, b=HANGS)
        running = asyncio.create_task(Race(ground.connect, 1e9).winner(["a", "b"], never_comes()))  # type: ignore[arg-type]
        await ground.both.wait()
        running.cancel()
        await asyncio.wait([running])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    assert asyncio.run(give_up()) == 1
