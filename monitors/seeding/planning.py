"""What a file's rows would change."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from monitors import concealing, kinds
from monitors.models import Server, ServerStatus
from monitors.seeding.rows import KIND, Problem, Row, printable
from monitors.settings_table import REQUIRED
from monitors.validation import name_key, type_of

NAMES_PER_QUERY = 500
COLUMNS = frozenset(column.name for column in Server._meta.fields)


class Action(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Entry:
    """What becomes of one row."""

    row: Row
    name: str
    action: Action
    server: Server | None = None
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    """Stored and new value of each key that changes."""
    problems: Sequence[Problem] = ()


class Stored:
    """The servers that exist, found by the names that the database takes for theirs."""

    def __init__(self, servers: Iterable[Server] = ()) -> None:
        self._exact = {server.host_name: server for server in servers}
        self._folded = {folded(name): server for name, server in self._exact.items()}

    @classmethod
    def load(cls, names: Iterable[str], *, also: Iterable[int] = (), lock: bool = False) -> Stored:
        """Those that have one of `names`, and those whose ids are in `also`. The status rows are locked first, as
        everywhere: `recording` waits for them, so nobody changes a server between our look and our write."""
        ids = list(also)
        for chunk in _chunks(sorted({form for name in names for form in (name, name.strip())})):
            ids += Server.objects.filter(host_name__in=chunk).values_list("id", flat=True)
        servers: list[Server] = []
        for some in _chunks(sorted(set(ids))):
            if lock:
                list(ServerStatus.objects.lock(some).values_list("server_id"))
            servers += Server.objects.filter(id__in=some)
        return cls(servers)

    def __iter__(self) -> Iterator[Server]:
        return iter(self._exact.values())

    def find(self, name: str) -> Server | None:
        """The server of that name as it is written, else without the blanks around it, else in another case."""
        return self._exact.get(name) or self._exact.get(name.strip()) or self._folded.get(folded(name))


def folded(name: str) -> str:
    return name_key(name.strip())


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), NAMES_PER_QUERY):
        yield items[start : start + NAMES_PER_QUERY]


def names_of(rows: Iterable[Row]) -> list[str]:
    return [name for row in rows if isinstance(name := row.values.get("host_name"), str)]


def plan(rows: Iterable[Row], stored: Stored) -> list[Entry]:
    """What becomes of each row. Writes nothing and asks the database nothing."""
    entries: list[Entry] = []
    first: dict[object, Row] = {}
    for row in rows:
        name = str(row.values.get("host_name", ""))
        server = stored.find(name)
        problems = list(row.problems)
        other = first.setdefault(server.pk if server else folded(name), row) if name else row
        if other is not row:
            problems.append(Problem("host_name", _("is the name of %(place)s, too") % {"place": other.place}))
        entries.append(_rejected(row, problems) if problems else _compared(row, server))
    return entries


def _rejected(row: Row, problems: Sequence[Problem]) -> Entry:
    return Entry(row, str(row.values.get("host_name", "")), Action.REJECTED, problems=problems)


def _compared(row: Row, server: Server | None) -> Entry:
    """The entry of a row that is well-formed."""
    try:
        said = _of_its_kind(row.values, server)
    except ValidationError as error:
        return _rejected(row, _problems(error))
    missing = [Problem(key, _("is missing")) for key in _required(said, server) if key not in said]
    if missing:
        return _rejected(row, missing)
    try:
        values = {
            key: concealing.unmasked(key, value, getattr(server, key, None)) if key in concealing.COLUMNS else value
            for key, value in said.items()
        }
    except concealing.MaskedError as error:
        words = _("the value of %(header)s is masked and none is stored: write it out, or export with --with-secrets")
        return _rejected(row, [Problem(error.column, words % {"header": printable(error.name)})])
    return _created(row, values) if server is None else _updated(row, values, server)


def _of_its_kind(values: Mapping[str, Any], server: Server | None) -> dict[str, Any]:
    """`values` with the type that they say, and with options as its kind has them. Raises ValidationError."""
    said = dict(values)
    current = server.type if server else None
    number = type_of(said.pop(KIND, None), said.get("type"), current)
    if number is not None and number != current:
        said["type"] = number
    if "options" in said:
        kind = kinds.chosen(current if number is None else number)
        said["options"] = kinds.options.from_texts(kind.options, said["options"])
    return said


def _required(said: Mapping[str, Any], server: Server | None) -> Collection[str]:
    """What has to be said: of a new server everything that its kind has."""
    if server is not None:
        return ("host_name",)
    shape = kinds.shape_of(said.get("type", 0))
    return [key for key in REQUIRED if getattr(shape, key, True)]


def _created(row: Row, values: Mapping[str, Any]) -> Entry:
    server = Server(**values)
    problems = _invalid(server, frozenset())
    return _rejected(row, problems) if problems else Entry(row, server.host_name, Action.CREATED, server)


def _updated(row: Row, values: Mapping[str, Any], server: Server) -> Entry:
    """What stays as it is is not validated again: adopted tables hold values that we would not accept today, and an
    export of them must still be no news."""
    stored, before = copy(server), {key: getattr(server, key) for key in values}
    for key, value in values.items():
        if not _same(key, before[key], value):
            setattr(server, key, value)
    changes = _differences(server, before)
    problems = _invalid(server, COLUMNS - changes.keys()) if changes else []
    carried = concealing.carried_off(stored, server, concealing.given(row.values))
    problems += [Problem(column, problem) for column, problem in carried.items()]
    if problems:
        return _rejected(row, problems)
    changes = _differences(server, before)  # validation tidies values up
    return Entry(row, server.host_name, Action.UPDATED if changes else Action.UNCHANGED, server, changes)


def _differences(server: Server, before: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    now = {key: getattr(server, key) for key in before}
    return {key: (old, now[key]) for key, old in before.items() if not _same(key, old, now[key])}


def _same(key: str, old: Any, new: Any) -> bool:
    """Empty and null both mean inherited; another case of the same name is not worth a change."""
    if key == "host_name":
        return folded(old) == folded(new)
    return bool(_meant(old) == _meant(new))


def _meant(value: Any) -> Any:
    return None if value in ("", [], {}) else value


def _invalid(server: Server, exclude: Collection[str]) -> list[Problem]:
    """What the model has against `server`. Whether the name is taken is for the database to say."""
    try:
        server.full_clean(exclude=exclude, validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        return _problems(error)
    return []


def _problems(error: ValidationError) -> list[Problem]:
    return [
        Problem("" if key == "__all__" else key, message)
        for key, messages in error.message_dict.items()
        for message in messages
    ]
