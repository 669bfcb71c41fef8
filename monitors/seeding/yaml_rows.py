"""Servers out of YAML, from its events: nothing is constructed, and every scalar stays the text that was written.

So `host_name: on` is a name and not a truth value, `port: 0443` is no octal number, and what a text means is decided
where the key is known. Anchors, aliases and tags are refused: they are how a small file becomes a large one.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml
from django.utils.translation import gettext as _

from monitors.seeding.rows import SeedError, gathered

MAX_DEPTH = 8
NULLS = frozenset({"", "~", "null", "Null", "NULL"})
TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map")) | {"!"}

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times as fast, where it is there


def read_yaml(text: str) -> Iterator[tuple[int, object]]:
    """The line and the value of each server. Raises SeedError."""
    try:
        events = _events(text)
        yield from _rows(events)
        for rest in events:
            raise _unexpected(rest)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = min(mark.line, text.rstrip().count("\n")) + 1 if mark else None  # the end is not a line of its own
        problem = error.problem or error.context or ""
        raise SeedError(_("not valid YAML: %(problem)s") % {"problem": problem}, line) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SeedError(_("not valid YAML: it has a character that is not allowed there"), line) from None


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _events(text: str) -> Iterator[yaml.Event]:
    """The events within the only document."""
    documents = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = _line(event)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise SeedError(_("the file has more than one YAML document"), line)
        elif isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise SeedError(_("anchors (&) and aliases (*) are not allowed: write the value out"), line)
        elif (getattr(event, "tag", None) or "!") not in TAGS:
            raise SeedError(_("tags (!) are not allowed"), line)
        elif isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            yield event


def _rows(events: Iterator[yaml.Event]) -> Iterator[tuple[int, object]]:
    event = next(events, None)
    if isinstance(event, yaml.MappingStartEvent):
        key = next(events)
        if not isinstance(key, yaml.ScalarEvent) or key.value != "servers":
            raise _unexpected(key)
        event = next(events)
        yield from _list(event, events)
        rest = next(events)
        if not isinstance(rest, yaml.MappingEndEvent):
            raise _unexpected(rest)
    elif event is not None:
        yield from _list(event, events)


def _list(event: yaml.Event, events: Iterator[yaml.Event]) -> Iterator[tuple[int, object]]:
    if isinstance(event, yaml.ScalarEvent) and event.value in NULLS and event.implicit[0]:
        return  # a key without a value, or a file of comments
    if not isinstance(event, yaml.SequenceStartEvent):
        raise _unexpected(event)
    for item in events:
        if isinstance(item, yaml.SequenceEndEvent):
            return
        yield _line(item), _value(item, events, 1)


def _unexpected(event: yaml.Event) -> SeedError:
    return SeedError(_('a list of servers or {"servers": [...]} is expected'), _line(event))


def _value(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> object:
    if depth > MAX_DEPTH:
        raise SeedError(_("nested too deeply"), _line(event))
    if isinstance(event, yaml.ScalarEvent):
        return None if event.implicit[0] and event.value in NULLS else event.value
    if isinstance(event, yaml.SequenceStartEvent):
        return [_value(item, events, depth + 1) for item in _until(yaml.SequenceEndEvent, events)]
    pairs: list[tuple[str, object]] = []
    for key in _until(yaml.MappingEndEvent, events):
        if not isinstance(key, yaml.ScalarEvent):
            raise SeedError(_("a key must be a word"), _line(key))
        pairs.append((key.value, _value(next(events), events, depth + 1)))
    return gathered(pairs)


def _until(end: type[yaml.Event], events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
    for event in events:
        if isinstance(event, end):
            return
        yield event
