"""HTTP/1.1 on the wire (RFC 9112): the request that probers send, and the head of the answer.

Written for one request per connection, because that is what a probe is: a fifth of the cost of a general client.
Strict about the status line, tolerant of every other line of a head, as curl and browsers are: docs/probe.md names each
difference.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from monitors.engine import failures
from monitors.engine.base import Target
from monitors.engine.connection import Connection
from monitors.engine.progress import FIRST_BYTE, HEAD, REQUEST, ProbeFailed, Progress
from monitors.engine.sentences import _

USER_AGENT = "server-health-monitor"
MAX_HEAD = 64 * 1024
"""Most bytes of status line and headers, interim answers included."""

DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSAFE_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OURS = frozenset({"connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "expect"})
_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([1-9][0-9]{2})(?:\s|$)")
_FIELD = re.compile(rf"^({_TOKEN.pattern}):(.*(?:\n[ \t].*)*)", re.MULTILINE)
_FOLD = re.compile(r"\r?\n[ \t]+")
_BLANKS = " \t\r\v\f"
_HEAD_END = re.compile(rb"\n(?:\r[^\n]*)?\n")
"""The first line that is empty, or begins with a CR (servers that write CR twice)."""


@dataclass(frozen=True)
class Head:
    """Status and header lines of an answer. The lines are read when the first header is asked for: most probes need
    none."""

    status: int
    lines: bytes = b""

    def values(self, name: str) -> tuple[str, ...]:
        """The values of a header, in their order, equal ones once; `name` in lower case.

        Folded lines are joined by a blank (RFC 9112 5.2). A line without a name and a colon that follows it at once,
        and what is folded onto it, belongs to no header.
        """
        return tuple(dict.fromkeys(self._fields.get(name, ())))

    def parts(self, name: str) -> list[str]:
        """The parts of a header whose value is a list (RFC 9110 5.6.1), equal ones as often as they come."""
        values = self._fields.get(name)
        if values is None:
            return []
        return [stripped for value in values for part in value.split(",") if (stripped := part.strip(_BLANKS))]

    def tokens(self, name: str) -> list[str]:
        """The parts of such a list in lower case."""
        return [part.lower() for part in self.parts(name)]

    @cached_property
    def _fields(self) -> dict[str, list[str]]:
        fields: dict[str, list[str]] = {}
        for name, value in _FIELD.findall(self.lines.decode("latin-1")):
            unfolded = _FOLD.sub(" ", value) if "\n" in value else value
            fields.setdefault(name.lower(), []).append(unfolded.strip(_BLANKS))
        return fields


def build_request(target: Target, own: Mapping[str, str]) -> bytes:
    """A GET of `target` with its headers and with ours in `own`.

    A header of the target replaces our Host, User-Agent and Accept, but never one that frames the message or upgrades
    the connection. Raises ProbeFailed for a header that cannot be sent.
    """
    host = f"[{target.host}]" if ":" in target.host else target.name
    if target.port != DEFAULT_PORTS[target.scheme]:
        host = f"{host}:{target.port}"
    headers = {"host": f"Host: {host}", "user-agent": f"User-Agent: {USER_AGENT}", "accept": "Accept: */*"}
    for name, value in target.headers:
        if not _TOKEN.fullmatch(name) or _UNSAFE_VALUE.search(value):
            detail = _("A request header of this server cannot be sent: correct it.")
            raise ProbeFailed(failures.INVALID_ADDRESS, detail)
        if name.lower() not in _OURS:
            headers[name.lower()] = f"{name}: {value}"
    headers.update((name.lower(), f"{name}: {value}") for name, value in own.items())
    return "\r\n".join((f"GET {target.path} HTTP/1.1", *headers.values(), "", "")).encode("utf-8", "replace")


async def exchange(connection: Connection, request: bytes, progress: Progress) -> tuple[Head, bytes]:
    """Send `request`; returns the final answer's head and what came after it. Interim answers are skipped.

    Raises ProbeFailed for what is not HTTP or too large, OSError; ConnectionResetError also for a server that closes
    before the end of the head.
    """
    progress.enter(REQUEST)
    await connection.write(request)
    progress.enter(FIRST_BYTE)
    buffer = await _read_some(connection)
    progress.enter(HEAD)
    room = MAX_HEAD
    last_line = 0
    while True:
        end = _HEAD_END.search(buffer, last_line)
        if (end.end() if end else len(buffer)) > room:
            raise invalid(_("The headers of the answer are larger than 64 KiB."))
        if not buffer.startswith(b"HTTP/"[: len(buffer)]):
            progress.strange = buffer
            raise invalid(_("The server answered with something that is not HTTP."))
        if end is None:
            last_line = max(0, buffer.rfind(b"\n"))
            buffer += await _read_some(connection)
            continue
        head = parse_head(buffer[: end.start()])
        buffer = buffer[end.end() :]
        if head.status >= 200 or head.status == 101:
            return head, buffer
        room -= end.end()
        last_line = 0
        buffer = buffer or await _read_some(connection)


def parse_head(data: bytes) -> Head:
    """Read status line and header lines, without the empty line that ends them. Raises ProbeFailed.

    A lone LF ends a line, as RFC 9112 2.2 allows.
    """
    status = _STATUS_LINE.match(data)
    if status is None:
        raise invalid(_("The server answered with something that is not HTTP/1.1."))
    if b"\0" in data:  # refused by curl and by browsers
        raise invalid(_("The server sent a malformed header line."))
    return Head(int(status[1]), data.partition(b"\n")[2])


def invalid(detail: str) -> ProbeFailed:
    return ProbeFailed(failures.INVALID_RESPONSE, detail)


def closed_early() -> ConnectionResetError:
    """The server closed in the middle of an answer; to a probe that is the same as a reset."""
    return ConnectionResetError(errno.ECONNRESET, "closed by the server")


async def _read_some(connection: Connection) -> bytes:
    data = await connection.read()
    if not data:
        raise closed_early()
    return data
