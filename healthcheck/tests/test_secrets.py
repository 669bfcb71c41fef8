"""Secrets have "canary" in them here, and are looked for in everything that anybody could come to see: answers, pages,
log records of every level before anything is masked, output of commands, and columns of the database."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from monitors.models import ApiToken, Server
from monitors.tests.builders import see, server
from monitors.tests.inventory_stand_in import inventory_server
from monitors.tests.misbehaving import Farm, answer, says
from monitors.tests.people import person
from notifications import outbox
from notifications.models import Channel, Delivery
from notifications.tests.standin import Fault, Kind, Standin

pytestmark = pytest.mark.django_db

BOT_TOKEN = "xoxb-1-canary-of-the-bot"
APP_TOKEN = "xapp-1-canary-of-the-app"
HOOK_PATH = "T0001/B0001/canary-of-the-webhook"
HEADERS = {"Authorization": "Bearer canary-of-the-header"}
PASSWORD = "canary-of-the-password-1"
INVENTORY_TOKEN = "canary-of-the-inventory"
API = {"host_name": "api", "host": "127.0.0.1", "port": 1, "type": 1, "environment": "LIVE", "request_headers": HEADERS}
PAGES = [
    "/",
    "/channels/",
    "/incidents/",
    "/login/",
    "/admin/",
    "/metrics",
    "/healthz",
    "/readyz",
    "/api/",
    "/api/docs/",
]
LISTS = [
    "servers",
    "status",
    "transitions",
    "incidents",
    "channels",
    "slack/channels",
    "deliveries",
    "policies",
    "tokens",
    "schema",
]


def assert_clean(what: str, where: str) -> None:
    """Says what stands around the secret."""
    found = what.lower().find("canary")
    if found >= 0:
        pytest.fail(f"{where}: {what[max(0, found - 100) : found + 50]}")


class Watched(APIClient):
    """Looks at the whole of every answer, headers and cookies included."""

    def request(self, **kwargs: Any) -> Any:
        response: Any = super().request(**kwargs)
        body = b"".join(response.streaming_content) if response.streaming else response.content
        where = f"{kwargs.get('REQUEST_METHOD')} {kwargs.get('PATH_INFO')} {response.status_code}"
        assert_clean(body.decode("utf-8", "replace"), where)
        assert_clean(f"{response.items()} {response.cookies}", where)
        return response


class Watch(logging.Handler):
    """Every record as it is made: the filter that masks secrets comes after, and must have nothing to do."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{logging.Formatter().format(record)} {vars(record)}")


@pytest.fixture(autouse=True)
def log(caplog):
    """All loggers at DEBUG, also those that are kept quiet, looked through at the end."""
    watch, named = Watch(), [name for name in logging.root.manager.loggerDict if not name.startswith("_")]
    for name in ("", *named):
        caplog.set_level(logging.DEBUG, logger=name)
    logging.root.handlers.insert(0, watch)
    yield watch
    logging.root.handlers.remove(watch)
    assert watch.lines
    for line in watch.lines:
        assert_clean(line, "log")


@pytest.fixture(autouse=True)
def tables():
    """Every column of every table, looked through at the end."""
    yield
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                assert_clean(str(row), table)


@pytest.fixture(autouse=True)
def slack(settings):
    settings.SLACK_APP_TOKEN, settings.INVENTORY_TOKEN = APP_TOKEN, INVENTORY_TOKEN
    with Standin() as standin:
        standin.workspace.token = settings.SLACK_BOT_TOKEN = BOT_TOKEN
        settings.SLACK_API_URL = standin.api_url
        yield standin


@pytest.fixture
def client():
    watched = Watched(raise_request_exception=False)
    watched.force_login(person("admin", is_staff=True, is_superuser=True))
    return watched


@pytest.fixture
def hook(slack):
    return slack.hook_url(HOOK_PATH)


@pytest.fixture
def full(hook, slack):
    """One of everything that holds a secret."""
    target = server(host_name="web", request_headers=HEADERS)
    see(target, "--")
    Channel.objects.create(channel_id="hook-1", hook_url=hook, hook_url_hint="…hook")
    Channel.objects.create(channel_id=slack.channel)
    return target


def rested() -> None:
    """As if every channel's second had passed."""
    Channel.objects.update(next_send_at=None)


def test_the_watch_would_see_a_secret(log):
    with pytest.raises(pytest.fail.Exception, match="canary"):
        assert_clean(json.dumps(HEADERS), "here")
    logging.getLogger("urllib3.connectionpool").debug("seen")
    assert "seen" in log.lines[-1]


def test_secrets_that_go_in_by_the_api_come_out_nowhere(client, hook):
    created = client.post("/api/servers/", API, format="json").json()
    url = f"/api/servers/{created['id']}/"
    assert client.put(url, created, format="json").status_code == 200
    assert Server.objects.get().request_headers == HEADERS
    client.post("/api/servers/bulk/", [{**API, "host_name": "b"}, {**API, "host_name": "c"}], format="json")
    channel = client.post("/api/channels/", {"hook_url": hook, "name": "alerts"}, format="json").json()["channel_id"]
    for method in (client.get, client.options):
        for path in (url, f"/api/channels/{channel}/", *(f"/api/{name}/" for name in LISTS)):
            assert method(path).status_code == 200
            method(path, headers={"Accept": "text/html"})
    client.put(f"/api/channels/{channel}/", {"hook_url": hook}, format="json")
    assert Channel.objects.get().hook_url == hook


def test_secrets_that_are_refused_are_not_repeated(client, hook):
    headers: Any
    for headers in ({**HEADERS, "a b": "canary"}, {"x": "canary\r\n"}, {"x": ["canary"]}, ["canary"], "canary"):
        wrong = {**API, "request_headers": headers}
        assert client.post("/api/servers/", wrong, format="json").status_code == 400
        assert client.post("/api/servers/bulk/", [wrong], format="json").status_code == 400
    credentials = {**API, "host": f"https://user:{PASSWORD}@example.com"}
    assert client.post("/api/servers/", credentials, format="json").status_code == 400
    for wrong_hook in (f"{hook} ", f"http://example.com/{HOOK_PATH}", f"{hook}\n", [hook], {"url": hook}, hook * 20):
        body = {"hook_url": wrong_hook, "enabled": "perhaps"}
        assert client.post("/api/channels/", body, format="json").status_code == 400
    for broken in (json.dumps({"hook_url": hook})[:-1], json.dumps(API) + "}"):
        for path in ("/api/channels/", "/api/servers/"):
            assert client.generic("POST", path, broken, content_type="application/json").status_code == 400
    assert not Channel.objects.exists()


FAULTS = {
    "all is well": None,
    "Slack refuses": Fault(Kind.ERROR, code="invalid_auth"),
    "Slack answers with a code that nobody knows": Fault(Kind.ERROR, code="brand_new_code"),
    "Slack is down": Fault(Kind.STATUS, status=503),
    "Slack is slow": Fault(Kind.RATE_LIMITED, seconds=1),
    "Slack hangs up": Fault(Kind.CUT_BEFORE_RECORD),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_whatever_slack_does_no_secret_gets_into_a_delivery(client, full, slack, fault):
    if fault:
        slack.faults.set(fault)
    now = timezone.now()
    outbox.fan_out_news(now)
    for channel in Channel.objects.all():
        outbox.deliver(channel.pk, lambda: now)
        rested()
        client.post(f"/api/channels/{channel.pk}/test/")
        rested()
    for row in client.get("/api/deliveries/").json()["results"]:
        client.post(f"/api/deliveries/{row['id']}/resend/")
    assert Delivery.objects.filter(attempts__gt=0).count() >= 2


def test_a_slack_that_cannot_be_reached_or_is_no_slack_gets_no_secret_into_the_log(client, full, slack, settings):
    slack.refuse()
    for url in (slack.api_url, "https://127.0.0.1:1/", "gopher://slack/", "http://[", "http://127.0.0.1:0/"):
        settings.SLACK_API_URL = url
        for channel in Channel.objects.all():
            rested()
            client.post(f"/api/channels/{channel.pk}/test/")
    settings.SLACK_BOT_TOKEN = f"{BOT_TOKEN}\r\nX: y"
    rested()
    assert client.post(f"/api/channels/{slack.channel}/test/").status_code == 424


def test_a_mistake_of_ours_shows_no_secret(client, hook, monkeypatch):
    def fail(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(outbox, "add_channel", fail)
    monkeypatch.setattr("monitors.recording.save", fail)
    for path, body in (("/api/channels/", {"hook_url": hook}), ("/api/servers/", API)):
        assert client.post(path, body, format="json").status_code == 500


def test_a_header_reaches_the_server_and_nobody_else(client):
    with Farm() as farm:
        target = farm.serve(says(answer(body=b"no")))
        watched = server(host="127.0.0.1", port=target.port, request_headers=HEADERS, expected_text="yes")
        client.post(f"/api/servers/{watched.pk}/probe/")
    assert HEADERS["Authorization"].encode() in target.requests[0]


def test_pages_show_no_secret(client, full):
    for path in (*PAGES, f"/servers/{full.pk}/"):
        client.get(path, headers={"Accept": "text/html"})
        assert client.get(path).status_code in (200, 302, 404, 503), path
    assert client.post("/channels/", {"test": "hook-1"}, format="multipart").status_code == 302
    assert client.get("/channels/").status_code == 200


def test_no_page_of_the_admin_shows_a_secret(client, full):
    outbox.fan_out_news(timezone.now())
    ApiToken.objects.issue(person("viewer"))
    for model in admin.site._registry:
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert client.get(reverse(f"{base}_changelist")).status_code == 200, model
        client.get(reverse(f"{base}_add"))
        for row in model._default_manager.all()[:1]:
            for page in ("change", "delete", "history"):
                client.get(reverse(f"{base}_{page}", args=[row.pk]), follow=True)


def test_what_is_typed_into_the_admin_is_not_shown_again(client, full, hook):
    forms = {
        "/admin/monitors/server/add/": {**API, "port": "no port", "request_headers": json.dumps(HEADERS)},
        f"/admin/monitors/server/{full.pk}/change/": {"host_name": "", "request_headers": json.dumps(HEADERS)},
        "/admin/monitors/server/": {"request_headers": "canary"},
        "/admin/auth/user/add/": {"username": "", "password1": PASSWORD, "password2": PASSWORD},
        "/admin/login/": {"username": "nobody", "password": PASSWORD},
        "/admin/password_change/": {"old_password": PASSWORD, "new_password1": PASSWORD, "new_password2": "x"},
    }
    if Channel in admin.site._registry:
        forms["/admin/notifications/channel/add/"] = {"channel_id": "a b", "hook_url": hook}
        forms["/admin/notifications/channel/hook-1/change/"] = {"name": "n" * 99, "hook_url": hook}
    for path, fields in forms.items():
        assert client.post(path, fields, format="multipart").status_code in (200, 302), path
    headers = {**API, "host_name": "typed", "request_headers": json.dumps(HEADERS)}
    client.post("/admin/monitors/server/add/", headers, format="multipart")
    user = {"username": "kim", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    client.post("/admin/auth/user/add/", user, format="multipart")


def test_a_password_is_not_repeated_to_whoever_mistypes_it():
    stranger = Watched()
    for path in ("/login/", "/login/?next=/", "/admin/login/"):
        assert stranger.post(path, {"username": "kim", "password": PASSWORD}, format="multipart").status_code == 200
    stranger.get("/api/servers/", headers={"Authorization": "Token canary"})
    stranger.get("/api/servers/", headers={"Authorization": f"Basic {PASSWORD}", "Cookie": "sessionid=canary"})
    stranger.post("/api/channels/", {"hook_url": f"https://hooks.slack.com/{HOOK_PATH}"}, format="json")


def test_the_token_of_the_inventory_stays_between_the_two(client, settings, monkeypatch):
    with inventory_server() as inventory:
        for token, known, url, status in (
            (INVENTORY_TOKEN, INVENTORY_TOKEN, inventory.url, 200),
            (INVENTORY_TOKEN, "another", inventory.url, 409),
            (INVENTORY_TOKEN, "", "http://127.0.0.1:1/", 409),
            (INVENTORY_TOKEN, "", "http://[", 409),
            (INVENTORY_TOKEN, "", "http://169.254.169.254/", 409),
            (f"{INVENTORY_TOKEN}\r\nX: y", "", inventory.url, 409),
        ):
            monkeypatch.setattr("monitors.tests.inventory_stand_in.TOKEN", known)
            settings.INVENTORY_URL, settings.INVENTORY_TOKEN = url, token
            assert client.post("/api/inventory/sync/", {}, format="json").status_code == status
            client.get("/api/inventory/sync/")
    assert inventory.seen == [f"Bearer {INVENTORY_TOKEN}"] * 2


def test_commands_print_no_secret(full):
    for format_ in ("yaml", "json", "csv"):
        out = io.StringIO()
        call_command("export_servers", "--format", format_, stdout=out)
        assert "web" in out.getvalue()
        assert_clean(out.getvalue(), format_)
