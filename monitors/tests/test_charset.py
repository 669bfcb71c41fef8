"""In which character set a page is searched: the one in which a browser shows it."""

from __future__ import annotations

import codecs
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webencodings.labels import LABELS

from monitors.engine.charset import PRESCANNED, charset_of
from monitors.engine.message import Head
from monitors.tests.failing import Failure
from monitors.tests.misbehaving import Farm, answer, hangs, says, see


@pytest.fixture(scope="module")
def farm():
    with Farm() as farm:
        yield farm


def page(content_type: str, body: bytes) -> bytes:
    return answer(body=body, headers=f"Content-Type: {content_type}\r\n" if content_type else "")


UNICODE = "\ufeff정상"
TEXTS = {  # sentence: (Content-Type, body, text)
    "named by the header": ("text/html; charset=EUC-KR", "정상".encode("euc-kr"), "정상"),
    "named by the header in quotes": ('text/html; charset="euc-kr"', "정상".encode("euc-kr"), "정상"),
    "named by the header in single quotes": ("text/html;charset='euc-kr'", "정상".encode("euc-kr"), "정상"),
    "named by the header among blanks": ("text/html ; Charset = euc-kr ;x=y", "정상".encode("euc-kr"), "정상"),
    "named by one of two headers": (
        "text/html; charset=euc-kr\r\nContent-Type: text/html",
        "정상".encode("euc-kr"),
        "정상",
    ),
    "of plain text": ("text/plain; charset=shift_jis", "正常①".encode("cp932"), "正常①"),
    "named by <meta>": ("text/html", '<meta charset="euc-kr">정상'.encode("euc-kr"), "정상"),
    "named by <meta> without quotes": ("text/html", "<META CHARSET=euc-kr />정상".encode("cp949"), "정상"),
    "named by <meta> for http-equiv": (
        "text/html",
        "<meta http-equiv='Content-Type' content='text/html; charset=euc-kr'>정상".encode("cp949"),
        "정상",
    ),
    "named by <meta> the other way round": (
        "",
        "<meta content=\"text/html; charset='euc-kr'\" http-equiv=content-type>정상".encode("cp949"),
        "정상",
    ),
    "named by <meta> behind other tags": (
        "text/html",
        b"<!doctype html><!-- <meta charset=utf-16> --><html lang='>'><meta name=x><meta charset=euc-kr>"
        + "정상".encode("cp949"),
        "정상",
    ),
    "named by a second <meta>, because nobody knows the first": (
        "text/html",
        b"<meta charset=klingon><meta charset=euc-kr>" + "정상".encode("cp949"),
        "정상",
    ),
    "named by <meta>, because nobody knows the header's": (
        "text/html; charset=klingon",
        b"<meta charset=euc-kr>" + "정상".encode("cp949"),
        "정상",
    ),
    "named by an XML declaration": (
        "application/xml",
        b"<?xml version='1.0' encoding='euc-kr'?>" + "<a>정상</a>".encode("cp949"),
        "정상",
    ),
    "named by a mark: UTF-16, little end first": ("text/html", UNICODE.encode("utf-16-le"), "정상"),
    "named by a mark: UTF-16, big end first": ("text/html", UNICODE.encode("utf-16-be"), "정상"),
    "named by a mark: UTF-8": ("text/html", UNICODE.encode(), "정상"),
    "named by a mark, whatever the header says": ("text/html; charset=euc-kr", UNICODE.encode("utf-16-le"), "정상"),
    "UTF-16 without a mark": ("text/html; charset=utf-16", "정상".encode("utf-16-le"), "정상"),
    "UTF-16 in <meta> means UTF-8": ("text/html", "<meta charset=utf-16>정상".encode(), "정상"),
    "x-user-defined in <meta> means windows-1252": ("text/html", b"<meta charset=x-user-defined>\x80", "€"),
    "x-user-defined": ("text/html; charset=x-user-defined", b"\x80", "\uf780"),
    "euc-kr means windows-949": ("text/html; charset=euc-kr", "똠방".encode("cp949"), "똠방"),
    "ks_c_5601-1987 means windows-949": ("text/html; charset=ks_c_5601-1987", "똠방".encode("cp949"), "똠방"),
    "iso-8859-1 means windows-1252": ("text/html; charset=ISO-8859-1", b"5 \x80", "5 €"),
    "ascii means windows-1252": ("text/html; charset=us-ascii", b"5 \x80", "5 €"),
    "latin1 in <meta> means windows-1252": ("text/html", b"<meta charset=latin1>5 \x80", "5 €"),
    "iso-8859-9 means windows-1254": ("text/html; charset=iso-8859-9", b"5 \x80", "5 €"),
    "tis-620 means windows-874": ("text/html; charset=tis-620", b"5 \x80", "5 €"),
    "shift_jis means windows-31j": ("text/html; charset=Shift_JIS", "髙①".encode("cp932"), "髙①"),
    "sjis is a name of it": ("text/html; charset=x-sjis", "髙①".encode("cp932"), "髙①"),
    "gb2312 means gb18030": ("text/html; charset=gb2312", "镕㐀".encode("gb18030"), "镕㐀"),
    "gbk means gb18030": ("text/html; charset=gbk", "镕㐀".encode("gb18030"), "镕㐀"),
    "big5 has the characters of Hong Kong": ("text/html; charset=big5", "嘅".encode("big5hkscs"), "嘅"),
    "iso-2022-jp switches": ("text/html; charset=iso-2022-jp", "abc正常".encode("iso-2022-jp"), "正常"),
    "euc-jp": ("text/html; charset=euc-jp", "正常".encode("euc-jp"), "正常"),
    "koi8-r": ("text/html; charset=koi8-r", "работает".encode("koi8-r"), "работает"),
    "unicode-1-1-utf-8": ("text/html; charset=unicode-1-1-utf-8", "정상".encode(), "정상"),
    "UTF-8 whatever the page calls it": ("text/html; charset=iso-8859-1", "정상".encode(), "정상"),
    "UTF-8 where nothing is said": ("", "정상".encode(), "정상"),
    "UTF-8 where nobody knows the name": ("text/html; charset=klingon", "정상".encode(), "정상"),
    "no set of texts at all": ("text/html; charset=hex", b"up", "up"),
    "bytes that are none of the set": ("text/html; charset=euc-kr", b"\xff\xff" + "정상".encode("cp949"), "정상"),
}


@pytest.mark.parametrize(("content_type", "body", "text"), TEXTS.values(), ids=TEXTS)
def test_the_text_is_found_as_a_browser_shows_it(farm, content_type, body, text):
    assert see(farm.serve(says(page(content_type, body))), expected_text=text).ok


UNSEEN = {  # sentence: (Content-Type, body, text)
    "<meta> beyond the first 1,024 bytes": ("text/html", b" " * 1_010 + b"<meta charset=euc-kr>" + b"\xc1\xa4", "정"),
    "<meta> in a comment": ("text/html", b"<!-- <meta charset=euc-kr> -->\xc1\xa4", "정"),
    "<meta> in an attribute": ("text/html", b"<p title='<meta charset=euc-kr>'>\xc1\xa4", "정"),
    "<meta> of another header": ("text/html", b"<meta http-equiv=refresh content='charset=euc-kr'>\xc1\xa4", "정"),
    "<meta> without http-equiv": ("text/html", b"<meta name=x content='charset=euc-kr'>\xc1\xa4", "정"),
    "<meta> with a slash at the end of the label": ("text/html", b"<meta charset=euc-kr/>\xc1\xa4", "정"),
    "<metadata>": ("text/html", b"<metadata charset=euc-kr>\xc1\xa4", "정"),
    "<meta> of plain text": ("text/plain", b"<meta charset=euc-kr>\xc1\xa4", "정"),
    "the header comes before <meta>": ("text/html; charset=utf-8", b"<meta charset=euc-kr>\xc1\xa4", "정"),
    "a set that is too dangerous to decode": ("text/html; charset=iso-2022-kr", "정".encode("iso-2022-kr"), "정"),
    "characters that straddle two others": ("text/html; charset=euc-kr", "가각".encode("cp949"), "ㅱ"),
}


@pytest.mark.parametrize(("content_type", "body", "text"), UNSEEN.values(), ids=UNSEEN)
def test_what_a_browser_does_not_show_is_not_found(farm, content_type, body, text):
    assert see(farm.serve(says(page(content_type, body))), expected_text=text).failure is Failure.TEXT_MISSING


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_a_character_that_comes_in_two_parts_is_whole(farm, size):
    data = page("text/html", b"<meta charset=euc-kr>" + b"." * 2_000 + "정상".encode("cp949"))
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    assert see(farm.serve(says(*parts)), expected_text="정상").ok


BOUNDS = {  # sentence: (bytes before the text, failure)
    "the last that is searched": (65_536 - 4, None),
    "cut in its second character": (65_536 - 3, Failure.TOO_LARGE),
    "cut in its first character": (65_536 - 1, Failure.TOO_LARGE),
    "behind all that is searched": (65_536, Failure.TOO_LARGE),
}


@pytest.mark.parametrize(("before", "failure"), BOUNDS.values(), ids=BOUNDS)
def test_the_first_64_kib_are_searched_in_any_character_set(farm, before, failure):
    body = b"<meta charset=euc-kr>".ljust(before, b".") + "정상".encode("cp949")
    assert see(farm.serve(says(page("text/html", body))), expected_text="정상").failure is failure


def test_a_set_that_the_header_names_is_not_waited_for(farm):
    """The text is found before the body is complete, which it never will be."""
    from_header = says(page("text/html; charset=euc-kr", "정상".encode("cp949") + b"." * 100)[:-50], then=hangs)
    assert see(farm.serve(from_header), expected_text="정상").ok


def test_the_beginning_that_is_shown_is_in_the_set_of_the_page(farm):
    body = b"<meta charset=euc-kr>" + "점검 중".encode("cp949")
    assert see(farm.serve(says(answer(503, body)))).answer.endswith("점검 중")


def test_every_label_that_browsers_know_can_be_decoded():
    for label in LABELS:
        codec = charset_of(head(f"text/html; charset={label}"), b"")
        assert codec.decode(b"up \xff", "replace")
        assert codec.incrementaldecoder("replace").decode(b"up \xff") is not None


@given(st.binary(max_size=40), st.sampled_from(["", "text/html", "text/html; charset=", "text/html; charset=euc-kr"]))
def test_whatever_a_page_begins_with_it_has_a_character_set(beginning, content_type):
    assert isinstance(charset_of(head(content_type), b"<meta " + beginning + b">"), codecs.CodecInfo)


def test_a_beginning_made_to_be_slow_is_read_in_time():
    for part in (b"<meta ", b"<a '", b"<!--", b"<meta charset", b'<meta "', b"<?xml encoding", b"= = ="):
        began = time.process_time()
        charset_of(head("text/html"), part * PRESCANNED)
        assert time.process_time() - began < 0.5


def head(content_type: str) -> Head:
    return Head(200, f"Content-Type: {content_type}".encode() if content_type else b"")
