"""A kind of check that is one module: a line in the list of kinds is all that is missing. It counts letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitors.address import Shape
from monitors.engine.base import Outcome, Target
from monitors.engine.connection import open_connection
from monitors.engine.excerpt import excerpt
from monitors.engine.failures import Failure
from monitors.engine.network import Network, observe
from monitors.engine.progress import CONNECT, RESOLVE, ProbeFailed, Progress, Stage
from monitors.kinds.base import Kind, Variant
from monitors.kinds.options import InvalidOption, option

TOY_SHORT = Failure("toy_short", "ts", "too few letters", "The server says less than it should. Feed it.")
TOY_TIMEOUT = Failure("toy_timeout", "tx", "no letters in time", "The server is silent. Wake it up.", by_stalls=True)
TOO_FEW = "The server says %(letters)s letters only."
LETTERS = Stage("letters", "Letters", (TOY_TIMEOUT, "No letter came within the timeout."))


@dataclass(frozen=True, slots=True)
class Rule:
    word: str = option(label="Word")
    times: int = option(1, label="Times", least=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    letters: int = option(3, label="Letters", help="How many there have to be.", least=1, most=99)
    mood: str = option("any", label="Mood", choices=("any", "glad"))
    password: str = option("", label="Password", secret=True)
    loud: bool = option(False, label="Loud")
    hints: tuple[str, ...] = option((), label="Hints")
    rules: tuple[Rule, ...] = option((), label="Rules")
    labels: Mapping[str, str] | None = option(None, label="Labels")

    def __post_init__(self) -> None:
        if self.loud and self.mood == "glad":
            raise InvalidOption("loud", "Nobody is glad and loud.")


@dataclass(frozen=True, slots=True)
class ToyProber:
    network: Network

    async def __call__(self, target: Target, deadline: float) -> Outcome:
        return await observe(_look, self.network, target, deadline)


async def _look(network: Network, target: Target, progress: Progress) -> None:
    options: Options = target.options
    with await open_connection(network, target, progress) as connection:
        progress.enter(LETTERS)
        await connection.write(f"{options.password}\n".encode())
        said = await connection.read()
    if len(said) < options.letters:
        progress.answer = excerpt(target, said.decode())
        raise ProbeFailed(TOY_SHORT, TOO_FEW % {"letters": len(said)})


KIND = Kind(
    word="toy",
    label="Toy",
    numbers={199: Variant("Toy")},
    shape=Shape(("toy",), also=(), path=""),
    prober=ToyProber,
    options=Options,
    stages=(RESOLVE, CONNECT, LETTERS),
    failures=(TOY_SHORT, TOY_TIMEOUT),
    sentences=(TOO_FEW,),
)
