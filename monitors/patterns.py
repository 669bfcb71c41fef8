"""Which characters a text may have: one pattern for the code that refuses the others and for the OpenAPI document.

Written so that Python and ECMA 262 read them alike. Pure: knows no Django.
"""

from __future__ import annotations

import re

CONTROLS = r"\u0000-\u001f\u007f-\u009f"
"""The category Cc; so are those below, what stands between the brackets of a class."""
INVISIBLE = CONTROLS + r"\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
"""Controls, separators of lines, and marks of direction, which make a name read otherwise than it is."""
BREAKING = CONTROLS.replace(r"\u0000-\u001f", r"\u0000-\u0008\u000b\u000c\u000e-\u001f")
"""Controls but for tabs and line breaks."""
IN_LINE_BREAKING = CONTROLS.replace(r"\u0000-\u001f", r"\u0000-\u0008\u000a-\u001f")
"""Controls but for tabs."""

LONE_SURROGATES = r"\ud800-\udfff"
"""Refused wherever controls are. No document of JSON has them, so the pattern of a text need not name them."""


def any_of(characters: str) -> re.Pattern[str]:
    """Finds the first of `characters`, and of lone surrogates."""
    return re.compile(f"[{characters}{LONE_SURROGATES}]")


def none_of(characters: str, *, blank: bool = True) -> str:
    """The pattern of a text without `characters`, for the OpenAPI document; unless `blank`, with more than blanks."""
    return f"^[^{characters}]*$" if blank else rf"^[^{characters}]*[^{characters}\s][^{characters}]*$"


NO_NUL = none_of(r"\u0000")
