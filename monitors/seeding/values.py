"""From what a file says to what a column holds. What a value must be beyond its kind, the model's validators say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from django.utils.translation import gettext as _

from monitors.seeding.rows import KIND, Problem, Repeating, Row, closest, gathered, printable
from monitors.settings_table import KEYS, NEVER_NULL, OPTIONAL_TEXTS, READS, Reads

TRUTHS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
LARGEST = 1e12
"""Larger numbers, infinity and NaN are no seconds."""
_INTEGER = re.compile(r"[+-]?[0-9]{1,10}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,10}(?:\.[0-9]{1,20})?(?:e[+-]?[0-9]{1,3})?", re.IGNORECASE)


def typed(number: int, line: int | None, raw: object) -> Row:
    """The row that the value `raw` of a file describes, with everything that is wrong about it."""
    if isinstance(raw, Problem):
        return Row(number, line, {}, (raw,))
    if not isinstance(raw, dict):
        return Row(number, line, {}, (Problem("", _("a server is an object of keys and values")),))
    values: dict[str, object] = {}
    problems: list[Problem] = []
    if isinstance(raw, Repeating):
        problems.append(Problem(printable(raw.repeated), _("comes twice")))
    for key, value in raw.items():
        try:
            values[key] = _read(key, value)
        except ValueError as error:
            problems.append(Problem(printable(key)[:100], str(error)))
    return Row(number, line, values, tuple(problems))


def _read(key: str, value: object) -> object:
    """Raises ValueError with a sentence for the reader."""
    if key not in READERS:
        meant = closest(key)
        if meant:
            raise ValueError(_("unknown key; did you mean %(key)s?") % {"key": meant})
        raise ValueError(_("unknown key; the keys are: %(keys)s") % {"keys": ", ".join(KEYS)})
    if value is None:
        if key in NEVER_NULL:
            raise ValueError(_("must not be empty"))
        return None
    return READERS[key](value)


def _text(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(_("must be a text"))
    if "\0" in value:
        raise ValueError(_("must not contain the character \\0"))
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError(_("contains half of a character (a lone surrogate)"))
    return value


def _inheritable_text(value: object) -> str | None:
    return _text(value) or None


def _integer(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    raise ValueError(_("must be a whole number"))


def _number(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST:
        return float(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) and float(value) < LARGEST:
        return float(value)
    raise ValueError(_("must be a number"))


def _truth(value: object) -> bool:
    truth = TRUTHS.get(str(value).strip().lower()) if isinstance(value, bool | int | str) else None
    if truth is None:
        raise ValueError(_("must be true or false"))
    return truth


def _headers(value: object) -> dict[str, str] | None:
    headers = _object(value, _('must be an object of texts, such as {"X-Token": "..."}'))
    return {_text(name): _text(content) for name, content in headers.items()} or None


def _tags(value: object) -> list[str] | None:
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list):
        raise ValueError(_("must be a list of words"))
    tags = [_text(word).strip() for word in words]
    if any("," in tag for tag in tags):
        raise ValueError(_("a word must not contain a comma"))
    return list(dict.fromkeys(filter(None, tags))) or None


def _options(value: object) -> dict[str, object] | None:
    return _object(value, _("must be an object of options")) or None


def _object(value: object, problem: str) -> dict[str, object]:
    if isinstance(value, str):
        try:
            value = json.loads(value, object_pairs_hook=gathered)
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, Mapping):
        raise ValueError(problem)
    if isinstance(value, Repeating):
        raise ValueError(_("names %(header)s twice") % {"header": printable(value.repeated)})
    return dict(value)


_READERS: Mapping[Reads, Callable[[object], object]] = {
    Reads.TEXT: _text,
    Reads.WHOLE: _integer,
    Reads.NUMBER: _number,
    Reads.TRUTH: _truth,
    Reads.TAGS: _tags,
    Reads.HEADERS: _headers,
    Reads.OPTIONS: _options,
}
READERS: Mapping[str, Callable[[object], object]] = {
    KIND: _text,
    **{key: _inheritable_text if key in OPTIONAL_TEXTS else _READERS[reads] for key, reads in READS.items()},
}
