"""The OpenAPI document is true, whatever is asked: Schemathesis makes requests of it, good ones and bad ones, and reads
the answers by it.

A test of a minute asks the same each time. `make test-api` asks some 20,000 times (API_EXAMPLES of each operation and
what comes of them), and others each time; it says with which API_SEED the same are asked again.
"""

from __future__ import annotations

import io
import ipaddress
import logging
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.utils import timezone

from healthcheck.processes import dying_with_parent
from healthcheck.tests.browser import Site, site
from monitors import kinds
from monitors.engine import loop
from monitors.models import ApiToken
from monitors.tests import inventory_stand_in
from monitors.tests.builders import see, server
from monitors.tests.people import person
from notifications import outbox
from notifications.models import Channel, Delivery, State
from notifications.tests.standin import Standin
from notifications.transports.slack import webhooks, workspace

__all__ = ["site"]  # fixtures
pytestmark = [pytest.mark.stack, pytest.mark.django_db(transaction=True)]

HERE = Path(__file__).parent
EXAMPLES = int(os.environ.get("API_EXAMPLES", "0"))
SEED = int(os.environ.get("API_SEED", "0")) or (random.randrange(1, 2**31) if EXAMPLES else 1)
FEW = ("--max-examples", "8", "--phases", "examples,fuzzing,stateful")
"""The phase that is left out tries each bound of each value, which takes two minutes by itself."""
KEPT = 700_000_001
"""The id of the token that asks: none that is found by trying."""


@pytest.fixture
def slack(settings, monkeypatch) -> Iterator[Standin]:
    """No webhook is another host's."""
    with Standin() as standin:
        settings.SLACK_BOT_TOKEN, settings.SLACK_API_URL = standin.token, standin.api_url
        monkeypatch.setattr(webhooks, "SLACK_HOST", "127.0.0.1")
        standin.workspace.add_channel("ops", is_ours=True)
        yield standin


@pytest.fixture
def inventory(settings) -> Iterator[None]:
    with inventory_stand_in.inventory_server() as company:
        company.lists(*inventory_stand_in.listing("listed-1", "listed-2", host="127.0.0.1", port=9))
        settings.INVENTORY_URL, settings.INVENTORY_TOKEN = company.url, inventory_stand_in.TOKEN
        yield


@pytest.fixture
def only_loopback(settings, monkeypatch) -> None:
    """No probe leaves this machine, and no name is asked for elsewhere."""
    others = ipaddress.IPv4Network("0.0.0.0/0").address_exclude(ipaddress.IPv4Network("127.0.0.0/8"))
    settings.PROBE_DENY_NETWORKS = [*map(str, others), "2000::/3", "fc00::/7"]
    monkeypatch.setattr(loop, "look", partial(loop.look, nameservers=("127.0.0.1:9",)))


@pytest.fixture
def rows(transactional_db, slack, inventory, only_loopback) -> str:
    """Some of everything; returns a token of an admin."""
    for number, _label in kinds.types():
        see(server(type=number, port=9, timeout_seconds=0.5, tags=["seoul"]), "+--+")
    see(server(environment="DEV", port=9, request_headers={"X-Key": "secret"}), "--")
    workspace.watch(timezone.now)
    Channel.objects.create(channel_id=slack.channel, name="alerts")
    Channel.objects.create(channel_id="hook-1", hook_url=slack.hook_url(), environments=["LIVE"])
    outbox.fan_out_news(timezone.now())
    for state in State.values:
        Delivery.objects.create(kind="test", channel_id="hook-1", key=f"test:{state}", state=state)
    token, text = ApiToken.objects.issue(person("admin"))
    ApiToken.objects.filter(pk=token.pk).update(id=KEPT)
    return text


def asked(site: Site, token: str, hook_url: str, directory: Path, *options: str) -> tuple[int, str]:
    """How Schemathesis ends, and what it says."""
    document = directory / "openapi.json"
    document.write_text(written())
    command = [
        *dying_with_parent(),
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run"),
        *(str(document), "--url", site.url, "--header", f"Authorization: Token {token}", "--seed", str(SEED)),
        *("--no-color", *options),
    ]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": str(HERE / "openapi_checks.py"), "API_HOOK_URL": hook_url}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def written() -> str:
    out = io.StringIO()
    call_command("spectacular", "--format", "openapi-json", stdout=out)
    return out.getvalue()


def test_every_answer_is_as_the_document_says(site, rows, slack, tmp_path, caplog):
    caplog.set_level(logging.ERROR, "django.request")
    options = ("--max-examples", str(EXAMPLES)) if EXAMPLES else FEW
    code, said = asked(site, rows, slack.hook_url(), tmp_path, *options)
    print(said)
    assert code == 0, f"API_SEED={SEED}\n{said[-20_000:]}"


HEADS = {  # what is odd: the head
    "a cookie that is none": b"Cookie: sessionid",
    "cookies of bytes": b"Cookie: sessionid=\xff\xfe; csrftoken=\xc3\x28; messages=\x80",
    "cookies of signs": b'Cookie: ;;=;="; sessionid="\\777\\0"; a=b=c,;',
    "a long cookie": b"Cookie: sessionid=" + b"a" * 8_000,
    "a session with NUL": b'Cookie: sessionid="\\000\\000"; django_language=%00',
    "a kind of content without a name": b"Content-Type: ;",
    "a kind of content with an unknown character set": b"Content-Type: application/json; charset=utf-99",
    "a kind of content of bytes": b"Content-Type: application/json\xff; charset=\xfe",
    "a form": b"Content-Type: application/x-www-form-urlencoded; charset=utf-16",
    "a form in parts without a boundary": b"Content-Type: multipart/form-data",
    "a form in parts with an odd boundary": b"Content-Type: multipart/form-data; boundary=\xff",
    "an encoded body": b"Content-Encoding: gzip",
    "Accept of signs": b"Accept: ;;/,*;q=x",
    "Accept of bytes": b"Accept: \xff/\xff; indent=99999999999",
    "Accept with an endless indentation": b"Accept: application/json; indent=" + b"9" * 400,
    "Accept with an odd version": b"Accept: application/json; version=\x80",
    "a language of bytes": b"Accept-Language: \xff,;q=,*",
    "a token of bytes": b"Authorization: Token \xff\xfe",
    "a token of blanks": b"Authorization: Token a b",
    "another way to log in": b"Authorization: Basic \x80",
    "another host": b"X-Forwarded-Host: a b\xff",
    "an odd address": b"X-Forwarded-For: ,,%00, [::1%eth0",
    "an odd scheme": b"X-Forwarded-Proto: \xff",
    "an odd origin": b"Origin: null\xff",
    "another method": b"X-HTTP-Method-Override: \xff",
    "an odd time": b"If-Modified-Since: Thu, 99 Foo 99999999 99:99:99 GMT",
    "an odd range": b"Range: bytes=9-1,-,\xff",
    "an odd event": b"Last-Event-ID: \xff\x80" + b"9" * 500,
    "a part of a page": b"HX-Request: true\r\nHX-Target: \xff\r\nHX-Current-URL: http://[",
}
BODIES = (
    *(
        b"",
        b"{",
        b"[]",
        b"null",
        b"[[1]]",
        b'"a"',
        b"1e999",
        b"9" * 5_000,
        b"[" * 100_000,
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
    ),
    *(b'{"port": ' + b"9" * 5_000 + b"}", b'{"port": 1e999}', b'{"host_name": "\\ud800"}', b'{"\\ud800": "\\u0000"}'),
    b'{"host_name": {"a": []}, "host": [], "port": {}, "type": [], "tags": {}, "request_headers": []}',
    b'{"channel_ids": [["a"]], "environments": {}, "name": [], "days": 1e400}',
    b'{"expires_at": "9999-12-31T23:59:59-23:59"}',
)
PAGES = ("/api/servers/?page=last", "/login/")
WRITTEN_TO = ("/api/servers/", "/api/channels/", "/api/tokens/", "/api/channels/selection/", "/api/servers/bulk/")


def test_an_odd_head_is_answered_without_a_mistake_of_ours(site, rows):
    known = b"Authorization: Token " + rows.encode()
    for name, page, method, more in product(HEADS, PAGES, ("GET", "POST"), ([], [known])):
        assert answered(site, method, page, [HEADS[name], *more], b"{}") < 500, (name, method, page)


def test_an_odd_body_is_answered_without_a_mistake_of_ours(site, rows):
    heads = [b"Authorization: Token " + rows.encode(), b"Content-Type: application/json"]
    for path, body, method in product(WRITTEN_TO, BODIES, ("POST", "PUT")):
        assert answered(site, method, path, heads, body) < 500, (method, path, body[:80])


def answered(site: Site, method: str, path: str, heads: list[bytes], body: bytes) -> int:
    """The status; heads go out as they are."""
    host = urlsplit(site.url)
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: 127.0.0.1", b"Connection: close", *heads]
    lines.append(b"Content-Length: %d" % len(body))
    with socket.create_connection((str(host.hostname), int(host.port or 0)), timeout=20) as connection:
        connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        with connection.makefile("rb") as answer:
            return int(answer.readline().split()[1])
