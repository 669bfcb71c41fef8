"""What a way to notify is: what it needs to know, what it can do, and what it says of an attempt. Pure.

A transport does one thing once: it never repeats an attempt, keeps nothing between two of them, and knows neither the
outbox nor the models. When to try again, in which order and at what pace is for the outbox, which asks `Capabilities`
and the `Cause` of each refusal and never which medium it is.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, StrEnum, auto
from types import MappingProxyType
from typing import Any, ClassVar

from notifications.notice import Notice

DEFAULT_RETRY_AFTER = timedelta(seconds=30)
LONGEST_RETRY_AFTER = timedelta(hours=1)


class Verdict(StrEnum):
    SENT = "sent"
    RETRY = "retry"
    """The medium has certainly not taken it; it may next time."""
    UNCERTAIN = "uncertain"
    """The medium may have taken it."""
    GIVE_UP = "give_up"
    """The medium has not taken it and will not, until somebody mends something."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of one attempt. `code` is the medium's own, or one of `CAUSES` for what never got an answer."""

    verdict: Verdict
    code: str = ""
    retry_after: timedelta | None = None
    """Not before this has passed; only with RETRY. It holds for every channel of the kind."""
    remote_id: str = ""
    """The medium's id of the message; empty where it gives none, and then the message is never edited or answered."""
    detail: str = ""
    """What else there is to say of the code: a missing scope, a kind of network error; never a secret."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """What looking for a message came to. `remote_id` is empty when it is not there; `refusal` is None when the medium
    said all."""

    remote_id: str = ""
    refusal: Reply | None = None


class Cause(Enum):
    """What is at fault when a message was not taken: it decides whether the message waits, or the channel, or
    nothing."""

    LIMIT = auto()
    """Too many at once: nothing was taken, more is in a moment."""
    PASSING = auto()
    """Nothing arrives, whatever it is, until the medium or the way to it is back by itself."""
    OURS = auto()
    """The monitor was held up; it passes."""
    SILENCE = auto()
    """No answer, or none that can be understood."""
    CUT_OFF = auto()
    """Nothing arrives in this channel until somebody mends something."""
    FORM = auto()
    """This message will not pass as it is, which is our bug; a plainer one may."""
    GONE = auto()
    """The message to answer or to edit cannot be used; a new one can be sent."""
    DELETED = auto()
    """The message to answer or to edit is not there any more."""
    UNSEEABLE = auto()
    """Messages cannot be looked for; they can be sent."""
    OTHER = auto()
    """A code that we do not know: tried some times, then given up."""


CAUSES: Mapping[str, Cause] = {
    "rate_limited": Cause.LIMIT,
    "connection_error": Cause.PASSING,
    "too_late": Cause.PASSING,
    "not_written": Cause.OURS,
    "bad_answer": Cause.SILENCE,
    "connection_lost": Cause.SILENCE,
    "timeout": Cause.SILENCE,
    "invalid_settings": Cause.CUT_OFF,
    "invalid_url": Cause.CUT_OFF,
    "unknown_kind": Cause.CUT_OFF,
    "unreadable_secret": Cause.CUT_OFF,
    "unauthorized": Cause.CUT_OFF,
    "gone": Cause.CUT_OFF,
    "bad_message": Cause.FORM,
    "message_gone": Cause.DELETED,
}
"""Codes that every transport may use. `http_<status>` may be used as well: 500 and more is a server in trouble."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a medium can do, as things are set up now."""

    edit: bool = False
    """A message is brought up to date when what it tells changes. Without it, a storm is summed up by a second one."""
    thread: bool = False
    """The end is sent as an answer to the beginning."""
    look_up: bool = False
    """After a lost answer `find` tells whether the message is there."""
    resolve: bool = False
    """Whatever is sent with the state `resolved` or `closed` closes what the notice of the same matter opened."""
    buttons: bool = False
    """`Notice.actions` are shown, and come back when they are pressed."""
    exactly_once: bool = False
    """A channel can be promised it: by `find`, or because the medium knows `Dispatch.key` again."""
    pace: float = 1.0
    """Seconds between two messages to one channel."""
    deadline: float = 10.0
    """Seconds that an attempt takes at most. The transport keeps to it, whatever the other side does."""
    longest: int = 4_000
    """Characters of a text."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a kind, as its dataclass declares it."""

    name: str
    type: str
    """`str`, `bool`, `int` or `tuple[str, ...]`."""
    label: Any
    help_text: Any
    default: Any
    """`dataclasses.MISSING` for what has to be given."""
    secret: bool
    """Stored encrypted as all settings are, and never shown."""
    column: bool
    """It is a column of the channel by the same name, as versions before settings had it, and a field of the API."""
    bounds: Mapping[str, Any]
    """What JSON Schema can say of its values beyond their type: `maxLength`, `pattern`..."""
    reason: str
    """Why a value within these bounds may still be refused, for the OpenAPI document."""

    @property
    def required(self) -> bool:
        return self.default is dataclasses.MISSING


def setting(
    label: Any,
    help_text: Any = "",
    *,
    default: Any = dataclasses.MISSING,
    secret: bool = False,
    column: bool = False,
    bounds: Mapping[str, Any] = MappingProxyType({}),
    reason: str = "",
) -> Any:
    """A field of a transport's settings. Form, API, masking, JSON Schema follow from it. `label` and `help_text`
    are lazy translations."""
    said = {"label": label, "help_text": help_text, "secret": secret, "column": column}
    return field(default=default, metadata={**said, "bounds": bounds, "reason": reason})


@dataclass(frozen=True)
class NoSettings:
    """Of a medium that needs to know nothing but the channel's id."""


def declared(settings: type) -> list[Setting]:
    return [
        Setting(name=one.name, type=str(one.type), default=one.default, **one.metadata)
        for one in dataclasses.fields(settings)
    ]


class SettingError(ValueError):
    """`field` is wrong, for a reason that people can read and that repeats no secret."""

    def __init__(self, field: str, problem: Any) -> None:
        super().__init__(field)
        self.field, self.problem = field, problem


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to. `settings` is an instance of the transport's own dataclass."""

    channel_id: str
    settings: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One delivery, as a transport needs to know it."""

    delivery_id: int
    key: str
    """The same in every attempt, and of no other delivery, not even of one in another database: 32 hex digits."""
    remote_id: str = ""
    """Of the message itself, once it is there."""
    thread_id: str = ""
    """The `remote_id` of the message that it answers."""
    after_id: str = ""
    """The `remote_id` of an older message, as was known before the first attempt: what is looked for came after it."""
    age: timedelta = timedelta(0)
    """Since the first attempt, with a margin for clocks that are set."""
    plain: bool = False
    """The medium refused the form of the message: nothing but its line is sent."""


class Transport:
    """A way to notify. What is not overridden is what a medium that can only send needs."""

    kind: ClassVar[str]
    """Stored and in the API: for ever."""
    label: Any
    """Of the kind, for who chooses one."""
    badge: Any = ""
    """Short, beside the name of a channel; the label, if empty."""
    medium: str
    """Who takes the messages, in sentences."""
    prefix: str = ""
    """Before codes in the API; the kind, if empty."""
    family: str = ""
    """Kinds of one family are added by one form, and one becomes the other by what is set."""
    settings: type = NoSettings
    own_ids: bool = False
    """The id of a channel is the medium's own, and given by whoever adds it; else it is generated."""
    id_prefix: str = ""
    """Of generated ids; the kind, if empty."""
    sigil: str = ""
    """Before the names of its channels."""
    inspected: bool = False
    """Somebody looks by the medium's own means at what a channel can be promised; else it follows from here."""
    missing: str = ""
    """What exactly once would need, where the kind can never promise it: a code for `describe_missing`."""
    causes: Mapping[str, Cause] = {}

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities()

    def problem(self) -> str:
        """A code for why nothing can be sent by this process at all, such as a variable that is not set; or empty."""
        return ""

    def check(self, settings: Any) -> None:
        """Raise SettingError for what is wrong beyond types. No network."""

    def hint(self, settings: Any) -> str:
        """What may be shown of where a channel leads; no secret."""
        return ""

    def send(self, to: Destination, notice: Notice, dispatch: Dispatch) -> Reply:
        """Send it once, within the deadline. Raises nothing that the medium or the network can cause."""
        raise NotImplementedError

    def edit(self, to: Destination, notice: Notice, dispatch: Dispatch) -> Reply:
        """Put it in the place of `dispatch.remote_id`. Doing it twice does no harm. Only with `Capabilities.edit`."""
        raise NotImplementedError

    def find(self, to: Destination, dispatch: Dispatch) -> Lookup:
        """Whether the message of `dispatch.key` is there. Only with `Capabilities.look_up`."""
        raise NotImplementedError

    def address(self, to_id: str, remote_id: str) -> str:
        """Where people open the message; empty where that is not known."""
        return ""

    def cause(self, code: str) -> Cause:
        return self.causes.get(code) or CAUSES.get(code, Cause.OTHER)

    def advice(self, code: str, detail: str = "") -> str:
        """What the medium's own code means and what to do, in the active language; empty for what is shared."""
        return ""

    def lack_of(self, code: str) -> str:
        """What a channel lacks where a message was refused by this code; empty where the channel is not to blame."""
        return code if self.cause(code) is Cause.CUT_OFF else ""

    def is_cut_off(self, lacks: str) -> bool:
        """Whether nothing arrives in a channel that lacks this."""
        return bool(lacks) and self.cause(lacks) is Cause.CUT_OFF

    def describe_missing(self, lacks: str) -> str:
        """What to do for exactly once, or for messages to arrive again."""
        return ""


def read_wait(retry_after: str | None) -> timedelta:
    """A Retry-After of whole seconds (RFC 9110, 10.2.3), within bounds; half a minute for what is none."""
    if not re.fullmatch(r"[0-9]{1,9}", retry_after or ""):
        return DEFAULT_RETRY_AFTER
    return min(timedelta(seconds=int(retry_after or 0)), LONGEST_RETRY_AFTER)
