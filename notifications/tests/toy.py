"""A way to notify that is one module, as every other is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from notifications.notice import Notice
from notifications.transports.base import (
    Capabilities,
    Destination,
    Dispatch,
    Reply,
    SettingError,
    Transport,
    Verdict,
    setting,
)

SENT = Reply(Verdict.SENT)
SECRET = "toy-secret-1234"


@dataclass(frozen=True)
class ToySettings:
    key: str = setting("Key", "Of the toy.", secret=True)
    room: str = setting("Room", default="")
    loud: bool = setting("Loud", default=False)
    names: tuple[str, ...] = setting("Names", default=())


@dataclass
class Toy(Transport):
    """Keeps what it is told. `replies` are given first, one after the other."""

    kind = "toy"
    label = medium = "Toy"
    settings = ToySettings
    edits: bool = False
    replies: list[Reply] = field(default_factory=list)
    told: list[tuple[str, Notice]] = field(default_factory=list)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(edit=self.edits, thread=self.edits, pace=0.5)

    def check(self, settings: Any) -> None:
        if "toy" not in settings.key:
            raise SettingError("key", "This is no key of a toy.")

    def hint(self, settings: Any) -> str:
        return f"room {settings.room}"

    def send(self, to: Destination, notice: Notice, dispatch: Dispatch) -> Reply:
        reply = self.replies.pop(0) if self.replies else Reply(Verdict.SENT, remote_id=f"toy-{len(self.told)}")
        if reply.verdict is Verdict.SENT:
            self.told.append((to.settings.room, notice))
        return reply

    def edit(self, to: Destination, notice: Notice, dispatch: Dispatch) -> Reply:
        self.told[int(dispatch.remote_id.removeprefix("toy-"))] = (to.settings.room, notice)
        return SENT
