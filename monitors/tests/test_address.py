"""From stored columns to an address: what is understood, what is refused and with which remedy."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.address import Address, InvalidAddress, parse_expected_status
from monitors.kinds import parse_address

READ = {  # sentence: (columns, the address as one string)
    "a bare name is plain HTTP": ({"host": "web.example.com", "port": 80}, "http web.example.com 80 /"),
    "443 means TLS": ({"host": "web.example.com", "port": 443}, "https web.example.com 443 /"),
    "8443 means TLS": ({"host": "web.example.com", "port": 8443}, "https web.example.com 8443 /"),
    "an own port 8443 means TLS": ({"host": "web.example.com:8443", "port": 80}, "https web.example.com 8443 /"),
    "an own scheme beats the port's meaning": ({"host": "http://a.example", "port": 443}, "http a.example 443 /"),
    "a scheme without a port takes the column": ({"host": "https://a.example", "port": 8080}, "https a.example 8080 /"),
    "an own port wins over the column": ({"host": "https://a.example:444", "port": 8080}, "https a.example 444 /"),
    "an own port makes up for a bad column": ({"host": "a.example:81", "port": 0}, "http a.example 81 /"),
    "the customer's WebSocket row": (
        {"host": "wss://ws1.example.com:8443/hub/chat", "port": 443, "type": 2},
        "wss ws1.example.com 8443 /hub/chat",
    ),
    "type 2 is chat": ({"host": "ws.example.com", "port": 80, "type": 2}, "ws ws.example.com 80 /hub/chat"),
    "type 3 is edit": ({"host": "ws.example.com", "port": 443, "type": 3}, "wss ws.example.com 443 /hub/edit"),
    "type 4 is game": ({"host": "https://ws.example.com", "port": 9, "type": 4}, "wss ws.example.com 9 /hub/game"),
    "type 6 is web": ({"host": "admin.example.com", "port": 80, "type": 6}, "http admin.example.com 80 /"),
    "an unknown type is web": ({"host": "a.example", "port": 80, "type": 77}, "http a.example 80 /"),
    "a wss host of a web type is https": ({"host": "wss://a.example", "port": 80}, "https a.example 80 /"),
    "an override scheme wins": ({"host": "https://a.example", "port": 80, "scheme": "http"}, "http a.example 80 /"),
    "https means wss to a WebSocket": (
        {"host": "a.example", "port": 80, "type": 2, "scheme": "https"},
        "wss a.example 80 /hub/chat",
    ),
    "wss means https to a web server": ({"host": "a.example", "port": 80, "scheme": "WSS"}, "https a.example 80 /"),
    "an empty override is none": ({"host": "a.example", "port": 80, "scheme": "", "path": ""}, "http a.example 80 /"),
    "schemes have no case": ({"host": "HTTPS://a.example", "port": 80}, "https a.example 80 /"),
    "a path in the host is kept": ({"host": "a.example/health?deep=1", "port": 80}, "http a.example 80 /health?deep=1"),
    "a query needs no path": ({"host": "a.example?deep=1", "port": 80}, "http a.example 80 /?deep=1"),
    "a final slash is no path": ({"host": "ws://a.example/", "port": 80, "type": 2}, "ws a.example 80 /hub/chat"),
    "an override path wins": ({"host": "a.example/old", "port": 80, "path": "/new"}, "http a.example 80 /new"),
    "an override path gets its slash": ({"host": "a.example", "port": 80, "path": "new"}, "http a.example 80 /new"),
    "the root can be asked for": ({"host": "a.example", "port": 80, "type": 2, "path": "/"}, "ws a.example 80 /"),
    "a path may hold an @": ({"host": "a.example/@me", "port": 80}, "http a.example 80 /@me"),
    "a path is percent-encoded": ({"host": "a.example/상태", "port": 80}, "http a.example 80 /%EC%83%81%ED%83%9C"),
    "an encoded path is left alone": ({"host": "a.example", "port": 80, "path": "/a%20b"}, "http a.example 80 /a%20b"),
    "names are lower case": ({"host": "WEB.Example.COM", "port": 80}, "http web.example.com 80 /"),
    "the final dot stays": ({"host": "web.example.com.", "port": 80}, "http web.example.com. 80 /"),
    "the final dot of a name of one label stays": ({"host": "intranet.", "port": 80}, "http intranet. 80 /"),
    "the final dot before a port stays": ({"host": "https://a.example.:444/x", "port": 80}, "https a.example. 444 /x"),
    "the final dot of an international name stays": (
        {"host": "bücher.example.", "port": 80},
        "http xn--bcher-kva.example. 80 /",
    ),
    "an ideographic final dot is one": ({"host": "서버.한국。", "port": 80}, "http xn--hk3b17f.xn--3e0b707e. 80 /"),
    "an ideographic final dot of an ASCII name is one": ({"host": "a.example。", "port": 80}, "http a.example. 80 /"),
    "the final dot of an address goes": ({"host": "127.0.0.1.", "port": 80}, "http 127.0.0.1 80 /"),
    "underscores are allowed": ({"host": "my_app-1", "port": 80}, "http my_app-1 80 /"),
    "international names are encoded": ({"host": "bücher.example", "port": 80}, "http xn--bcher-kva.example 80 /"),
    "Korean names are encoded": ({"host": "서버.한국", "port": 80}, "http xn--hk3b17f.xn--3e0b707e 80 /"),
    "an international name beside an internal one": ({"host": "ä.my_lan", "port": 80}, "http xn--4ca.my_lan 80 /"),
    "IPv6 without brackets": ({"host": "2001:DB8::1", "port": 80}, "http 2001:db8::1 80 /"),
    "IPv6 with brackets": ({"host": "[2001:db8::1]", "port": 80}, "http 2001:db8::1 80 /"),
    "IPv6 with everything": ({"host": "https://[::1]:444/x", "port": 80}, "https ::1 444 /x"),
    "IPv4": ({"host": "192.0.2.10", "port": 80}, "http 192.0.2.10 80 /"),
    "IPv4 in hexadecimal and short": ({"host": "0x7f.1", "port": 80}, "http 127.0.0.1 80 /"),
    "IPv4 as one number": ({"host": "2130706433", "port": 80}, "http 127.0.0.1 80 /"),
    "IPv4 with two parts": ({"host": "127.1", "port": 80}, "http 127.0.0.1 80 /"),
    "IPv4 in octal": ({"host": "0177.0.0.1", "port": 80}, "http 127.0.0.1 80 /"),
    "IPv4 in full-width digits": ({"host": "１２７。０。０。１", "port": 80}, "http 127.0.0.1 80 /"),
    "IPv4 metadata as one number": ({"host": "0xA9FEA9FE", "port": 80}, "http 169.254.169.254 80 /"),
}


@pytest.mark.parametrize(("columns", "expected"), READ.values(), ids=READ)
def test_read(columns, expected):
    address = parse_address(**{"type": 1, **columns})
    assert f"{address.scheme} {address.host} {address.port} {address.path}" == expected


REFUSED = {  # sentence: (columns, the column at fault, a word of the remedy)
    "nothing": ({"host": ""}, "host", "Enter"),
    "only a blank": ({"host": " "}, "host", "blanks"),
    "only a scheme": ({"host": "https://"}, "host", "Enter"),
    "a blank inside": ({"host": "web example.com"}, "host", "blanks"),
    "a blank at the end": ({"host": "web.example.com "}, "host", "blanks"),
    "a no-break space": ({"host": "web.example.com\u00a0"}, "host", "blanks"),
    "CR LF": ({"host": "a.example/\r\nX: y"}, "host", "line breaks"),
    "a tab": ({"host": "a\t.example"}, "host", "blanks"),
    "NUL": ({"host": "a.example\x00"}, "host", "U+0000"),
    "DEL": ({"host": "a.example/\x7f"}, "host", "U+007F"),
    "a lone surrogate": ({"host": "a.example/\ud800"}, "host", "U+D800"),
    "a lone surrogate in the path": ({"path": "/\udfff"}, "path", "U+DFFF"),
    "a line break in the path": ({"path": "/x\nHost: y"}, "path", "line breaks"),
    "a blank path": ({"path": " "}, "path", "blanks"),
    "a backslash": ({"host": "a.example\\@b.example"}, "host", "backslash"),
    "a backslash in the path": ({"path": "\\x"}, "path", "backslash"),
    "a fragment": ({"host": "a.example/#x"}, "host", "fragment"),
    "a fragment in the path": ({"path": "/x#y"}, "path", "fragment"),
    "a password": ({"host": "https://user:pw@a.example"}, "host", "password"),
    "a user without scheme": ({"host": "user@a.example"}, "host", "password"),
    "another scheme": ({"host": "ftp://a.example"}, "host", "ftp"),
    "a file": ({"host": "file:///etc/passwd"}, "host", "file"),
    "another scheme by override": ({"scheme": "gopher"}, "scheme", "Choose"),
    "two schemes": ({"host": "http://https://a.example"}, "host", "port"),
    "port 0": ({"port": 0}, "port", "65535"),
    "a negative port": ({"port": -1}, "port", "65535"),
    "port 65536": ({"port": 65536}, "port", "65535"),
    "no port": ({"port": None}, "port", "65535"),
    "an own port of 0": ({"host": "a.example:0"}, "host", "65535"),
    "an own port of 65536": ({"host": "a.example:65536"}, "host", "65535"),
    "an own port that is a word": ({"host": "a.example:http"}, "host", "65535"),
    "an own port with a sign": ({"host": "a.example:+80"}, "host", "65535"),
    "an own port in other digits": ({"host": "a.example:８０"}, "host", "65535"),
    "an own port left out": ({"host": "a.example:"}, "host", "65535"),
    "something after the bracket": ({"host": "[::1]x"}, "host", "65535"),
    "an open bracket": ({"host": "[::1"}, "host", "bracket"),
    "a bad IPv6 address": ({"host": "1:2:3"}, "host", "IPv6"),
    "an IPv6 zone": ({"host": "[fe80::1%eth0]"}, "host", "zone"),
    "a name in brackets": ({"host": "[a.example]"}, "host", "IPv6"),
    "an IPv4 part too large": ({"host": "1.2.3.256"}, "host", "IPv4"),
    "five IPv4 parts": ({"host": "1.2.3.4.5"}, "host", "IPv4"),
    "a name with a numeric end": ({"host": "web.1"}, "host", "IPv4"),
    "an IPv4 number too large": ({"host": "4294967296"}, "host", "IPv4"),
    "a bad octal number": ({"host": "08.0.0.1"}, "host", "IPv4"),
    "an IPv4 address in digits of another script": ({"host": "१६९.२५४.१६९.२५४"}, "host", "no domain name"),
    "an empty label": ({"host": "a..example"}, "host", "letters"),
    "two final dots": ({"host": "a.example.."}, "host", "letters"),
    "two final dots, one of them ideographic": ({"host": "a.example.。"}, "host", "letters"),
    "a leading dot": ({"host": ".example"}, "host", "letters"),
    "only a dot": ({"host": "."}, "host", "letters"),
    "a leading hyphen": ({"host": "-a.example"}, "host", "letters"),
    "a star": ({"host": "*.example"}, "host", "letters"),
    "a percent sign in the name": ({"host": "a%2eexample"}, "host", "letters"),
    "a comma in the name": ({"host": "a,b.example"}, "host", "letters"),
    "a label of 64": ({"host": "a" * 64 + ".example"}, "host", "Shorten"),
    "a name of 254": ({"host": "a.b" * 84 + ".c"}, "host", "Shorten"),
    "a very long international name": ({"host": "ü" * 300}, "host", "Shorten"),
    "an international label too long": ({"host": "ü" * 64}, "host", "characters"),
    "a character no name has": ({"host": "a☃\u2028b.example"}, "host", "blanks"),
    "an emoji with an underscore": ({"host": "my_ü.example"}, "host", "characters"),
}


@pytest.mark.parametrize(("columns", "field", "word"), REFUSED.values(), ids=REFUSED)
def test_refused(columns, field, word):
    with pytest.raises(InvalidAddress, match=re.escape(word)) as caught:
        parse_address(**{"host": "a.example", "port": 80, "type": 1, **columns})
    assert caught.value.field == field
    assert str(caught.value)


def test_the_longest_name_is_read():
    name = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert parse_address(host=name, port=80, type=1).host == name


@settings(deadline=None)
@given(
    host=st.text(st.characters() | st.sampled_from(":/[]@.0123456789x"), max_size=40),
    port=st.integers(),
    type=st.integers(0, 7),
    path=st.none() | st.text(max_size=20),
    scheme=st.none() | st.sampled_from(["http", "wss", "ftp"]),
)
def test_whatever_is_typed_is_refused_or_safe_to_send(host, port, type, path, scheme):  # noqa: A002
    """Whatever comes out can stand in a request line, a Host header and a connect call."""
    try:
        address = parse_address(host=host, port=port, type=type, path=path, scheme=scheme)
    except InvalidAddress:
        return
    assert re.fullmatch(r"[a-z0-9_.:-]+", address.host)
    assert re.fullmatch(r"/[!-~]*", address.path)
    assert 1 <= address.port <= 65535
    assert address.scheme in ({"ws", "wss"} if type in (2, 3, 4) else {"http", "https"})


@settings(deadline=None)
@given(st.ip_addresses(), st.integers(1, 65535))
def test_every_address_is_read_as_itself(ip, port):
    written = f"[{ip}]:{port}" if ip.version == 6 else f"{ip}:{port}"
    if "%" in written:
        return
    address = parse_address(host=written, port=1, type=1)
    assert (ipaddress.ip_address(address.host), address.port) == (ip, port)


@settings(deadline=None)
@given(st.sampled_from(["http", "https", "ws", "wss"]), st.from_regex(r"[a-z][a-z0-9]{0,9}\.example", fullmatch=True))
def test_an_address_written_out_is_read_back(scheme, name):
    kind = 2 if scheme.startswith("ws") else 1
    address = Address(scheme, name, 8080, "/x")
    assert parse_address(host=f"{scheme}://{name}:8080/x", port=1, type=kind) == address


RANGES = {
    "nothing": ("", ()),
    "blanks": ("  ", ()),
    "one code": ("301", ((301, 301),)),
    "a range and a code": ("200-299,301", ((200, 299), (301, 301))),
    "blanks between": (" 200 - 299 , 301 ", ((200, 299), (301, 301))),
}


@pytest.mark.parametrize(("text", "expected"), RANGES.values(), ids=RANGES)
def test_expected_status_is_read(text, expected):
    assert parse_expected_status(text) == expected


@pytest.mark.parametrize("text", ["2xx", "99", "600", "200-", "-299", "200,,301", "299-200", "200-299-300", "٢٠٠", ","])
def test_expected_status_is_refused(text):
    with pytest.raises(InvalidAddress) as caught:
        parse_expected_status(text)
    assert caught.value.field == "expected_status"


def test_seed_defect_6_the_port_is_used():
    assert parse_address(host="https://web.example.com", port=8443, type=1).port == 8443


def test_seed_defect_7_a_host_that_carries_wss_is_taken_as_it_is():
    address = parse_address(host="wss://ws1.example.com", port=443, type=2)
    assert (address.scheme, address.host, address.path) == ("wss", "ws1.example.com", "/hub/chat")
