"""The character set of a page, found as browsers find it (WHATWG HTML 13.2.3.2, Encoding 4.2). Pure.

A byte order mark comes first, then the header, then what the page says itself, then UTF-8.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

import webencodings

from monitors.engine.message import Head

LONGEST_MARK = 3
PRESCANNED = 1024
"""Bytes at the beginning of a page in which it may name its character set itself."""

UTF_8 = codecs.lookup("utf-8")
_MARKS = {
    codecs.BOM_UTF8: UTF_8,
    codecs.BOM_UTF16_LE: codecs.lookup("utf-16-le"),
    codecs.BOM_UTF16_BE: codecs.lookup("utf-16-be"),
}
_WIDER = {"gbk": codecs.lookup("gb18030")}
"""Where the standard decodes more than Python does."""
_IN_META = {
    "utf-16le": UTF_8,
    "utf-16be": UTF_8,
    "x-user-defined": codecs.lookup("cp1252"),
}
"""What a page cannot mean that was read so far as ASCII."""

_CHARSET = re.compile(r"""charset\s*=\s*(?:"([^"]*)|'([^']*)|([^\s;,"']+))""", re.IGNORECASE)
_TAG = re.compile(
    rb"""<!--.*?-->|<(?:(meta)(?=[\s/])|/?[a-z])((?:"[^"]*"|'[^']*'|[^"'>])*)>|<[!/?][^>]*>""",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""([^\s/>="']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?""")
_XML = re.compile(rb"""<\?xml\s[^>]*?encoding\s*=\s*["']([^"'>]*)["']""")


def declared(head: Head) -> codecs.CodecInfo | None:
    """The character set that Content-Type names; None for none, or one that browsers do not know."""
    found = (_of_content_type(value) for value in reversed(head.values("content-type")))
    return next((codec for codec in found if codec), None)


def charset_of(head: Head, beginning: bytes) -> codecs.CodecInfo:
    """The character set of a page that starts with `beginning`, of which `PRESCANNED` bytes are enough."""
    for mark, codec in _MARKS.items():
        if beginning.startswith(mark):
            return codec
    return declared(head) or (_prescanned(beginning[:PRESCANNED]) if _is_markup(head) else None) or UTF_8


@lru_cache(maxsize=1024)
def _of_content_type(value: str) -> codecs.CodecInfo | None:
    return _codec(_label(value))


def _is_markup(head: Head) -> bool:
    kinds = head.values("content-type")
    return not kinds or any("html" in kind.lower() or "xml" in kind.lower() for kind in kinds)


def _prescanned(beginning: bytes) -> codecs.CodecInfo | None:
    """What the page says itself: the first <meta> that names a character set, or its XML declaration."""
    for tag in _TAG.finditer(beginning):
        if tag[1] and (codec := _codec(_label_of_meta(tag[2].decode("latin-1")), _IN_META)) is not None:
            return codec
    xml = _XML.match(beginning)
    return _codec(xml[1].decode("latin-1"), _IN_META) if xml else None


def _label_of_meta(text: str) -> str:
    """The label in the attributes of a <meta>: its charset, or that of its content where it stands for Content-Type."""
    attributes: dict[str, str] = {}
    for name, *values in _ATTRIBUTE.findall(text):
        attributes.setdefault(name.lower(), "".join(values))
    if "charset" in attributes:
        return attributes["charset"]
    is_header = attributes.get("http-equiv", "").lower() == "content-type"
    return _label(attributes.get("content", "")) if is_header else ""


def _label(content_type: str) -> str:
    named = _CHARSET.search(content_type)
    return next(filter(None, named.groups()), "") if named else ""


def _codec(label: str, instead: dict[str, codecs.CodecInfo] | None = None) -> codecs.CodecInfo | None:
    encoding = webencodings.lookup(label)
    if encoding is None:
        return None
    codec: codecs.CodecInfo = {**_WIDER, **(instead or {})}.get(encoding.name, encoding.codec_info)
    return codec
