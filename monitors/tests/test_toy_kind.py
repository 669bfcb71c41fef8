"""What a kind says of itself in one module is enough for everything that knows kinds."""

from __future__ import annotations

import json
import socketserver
import threading
from datetime import timedelta
from io import StringIO
from typing import Any, cast

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from monitors import kinds, recording
from monitors.admin.base import FailureFilter
from monitors.display import failure_and_detail, type_word
from monitors.engine.base import MAX_DETAIL, Observation, Outcome
from monitors.engine.progress import EXCHANGE
from monitors.exporting import described
from monitors.fields import MASK, UNREADABLE
from monitors.figures import strip_svg
from monitors.looking import look
from monitors.models import Server, ServerStatus
from monitors.strip import marks, stages_ms
from monitors.targets import policies, target_of
from monitors.tests import toy_kind
from monitors.tests.builders import NOW
from monitors.wording import failure_help, failure_label, stage_words

pytestmark = pytest.mark.django_db
SECRET = "swordfish-7"


@pytest.fixture(autouse=True)
def _one_line_of_the_list(monkeypatch):
    monkeypatch.setattr(kinds, "KINDS", (*kinds.KINDS, toy_kind.KIND))


class Letters(socketserver.TCPServer):
    """Says as many letters as it is told, once it is told a password."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Visit)
        self.heard: list[str] = []
        self.letters = 5


class _Visit(socketserver.StreamRequestHandler):
    server: Letters

    def handle(self):
        self.server.heard.append(self.rfile.readline().decode().strip())
        self.wfile.write(b"x" * self.server.letters)


@pytest.fixture
def root(admin_user):
    client = APIClient()
    client.force_authenticate(admin_user)
    return client


@pytest.fixture
def letters():
    with Letters() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def sent(**more):
    return {"host_name": "toy", "host": "127.0.0.1", "port": 9, "kind": "toy", "environment": "LIVE", **more}


def typed(**more):
    return {"host_name": "toy", "host": "127.0.0.1", "port": 9, "type": 199, "environment": "LIVE", **more}


def stored(**columns):
    server = Server(**typed(**columns))
    server.full_clean()
    return recording.save(server, actor="tests", now=NOW)


def errors(response):
    assert response.status_code == 400, response.content
    return {error["field"]: error["message"] for error in response.json()["errors"]}


def test_the_api_creates_reads_and_changes_it(root):
    body = root.post("/api/servers/", sent(options={"letters": 4, "password": SECRET}), format="json").json()
    assert (body["kind"], body["type"], body["effective"]["address"]["value"]) == ("toy", 199, "toy://127.0.0.1:9")
    assert body["options"] == {"letters": 4, "password": MASK}
    url = f"/api/servers/{body['id']}/"
    changed = root.patch(url, {"options": {"letters": 6, "password": MASK}}, format="json").json()
    assert changed["options"] == {"letters": 6, "password": MASK}
    assert Server.objects.get().options == {"letters": 6, "password": SECRET}
    assert root.get("/api/servers/?kind=toy").json()["count"] == 1
    assert root.get("/api/servers/?kind=http&kind=websocket").json()["count"] == 0
    assert root.patch(url, {"options": None}, format="json").json()["options"] is None


def test_a_secret_is_stored_encrypted(root):
    root.post("/api/servers/", sent(options={"letters": 4, "password": SECRET}), format="json")
    with connection.cursor() as cursor:
        cursor.execute("SELECT options FROM server_health")
        [text] = cursor.fetchone()
    assert '"letters": 4' in text
    assert SECRET not in text


WRONG = {  # sentence: (options, the field, what is said)
    "an unknown option": ({"lettres": 4}, "options.lettres", "no such option"),
    "a wrong type": ({"letters": "4"}, "options.letters", "whole number"),
    "a truth for a number": ({"letters": True}, "options.letters", "whole number"),
    "out of bounds": ({"letters": 100}, "options.letters", "99 or less"),
    "too small": ({"letters": 0}, "options.letters", "1 or more"),
    "no choice": ({"mood": "sad"}, "options.mood", "any, glad"),
    "a number for a list": ({"hints": 4}, "options.hints", "list"),
    "a number in a list": ({"hints": ["a", 4]}, "options.hints.2", "text"),
    "something missing in a part": ({"rules": [{"times": 2}]}, "options.rules.1.word", "given"),
    "something unknown in a part": ({"rules": [{"word": "a", "x": 2}]}, "options.rules.1.x", "no such option"),
    "a text for an object": ({"labels": "a"}, "options.labels", "object"),
    "two that contradict": ({"loud": True, "mood": "glad"}, "options.loud", "glad and loud"),
    "half of a character": ({"password": "\ud800"}, "options.password", "text"),
    "a text that is too long": ({"password": "x" * 1_001}, "options.password", "Longer than 1000"),
}


@pytest.mark.parametrize(("options", "field", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_option_is_refused_and_named(root, options, field, words):
    said = errors(root.post("/api/servers/", json.dumps(sent(options=options)), content_type="application/json"))
    assert list(said) == [field]
    assert words in said[field]
    assert not Server.objects.exists()


def test_a_setting_that_it_does_not_have_is_refused(root):
    said = errors(root.post("/api/servers/", sent(path="/x", expected_text="up"), format="json"))
    assert set(said) == {"path", "expected_text"}
    assert list(errors(root.post("/api/servers/", sent(host="toy.example/x"), format="json"))) == ["host"]
    assert list(errors(root.post("/api/servers/", sent(host="http://toy.example"), format="json"))) == ["host"]


def test_options_of_another_kind_are_refused(root):
    assert list(errors(root.post("/api/servers/", sent(kind="http", options={"letters": 4}), format="json"))) == [
        "options.letters"
    ]


def test_a_mask_without_a_secret_is_refused(root):
    assert list(errors(root.post("/api/servers/", sent(options={"password": MASK}), format="json"))) == ["options"]


def test_a_secret_does_not_go_along_to_another_host(root):
    server = stored(options={"password": SECRET})
    url, elsewhere = f"/api/servers/{server.pk}/", {"host": "other.example"}
    assert list(errors(root.patch(url, elsewhere, format="json"))) == ["options"]
    assert root.patch(url, {**elsewhere, "options": {"password": "another"}}, format="json").status_code == 200


def test_kinds_describes_it(root):
    [toy] = [kind for kind in root.get("/api/kinds/").json() if kind["kind"] == "toy"]
    assert (toy["needs"], toy["settings"], toy["failures"]) == (["host", "port"], [], ["toy_short", "toy_timeout"])
    options = toy["options"]["properties"]
    assert options["letters"] == {
        "type": "integer",
        "title": "Letters",
        "description": "How many there have to be.",
        "default": 3,
        "minimum": 1,
        "maximum": 99,
    }
    assert options["password"]["writeOnly"] is True
    assert options["rules"]["items"]["required"] == ["word"]
    assert options["labels"]["additionalProperties"] == {"type": "string"}
    assert "letters" in json.dumps(root.get("/api/schema/?format=json").json())


@pytest.fixture
def browser(admin_user):
    client = Client()
    client.force_login(admin_user)
    return client


def test_the_form_has_its_options_and_nothing_that_it_does_not_have(browser):
    page = browser.post("/servers/new/", {**typed(), "act": "kind"}).content.decode()
    assert 'name="options.letters"' in page
    assert 'name="expected_text"' not in page
    opened = browser.get("/servers/new/").content.decode()
    assert 'name="options.letters"' not in opened
    assert 'hx-post="/servers/new/"' in opened.partition('name="type"')[2].partition(">")[0]
    assert browser.post("/servers/new/", typed(**{"options.letters": 4, "options.password": SECRET})).status_code == 302
    server = Server.objects.get()
    assert server.options == {"letters": 4, "password": SECRET}
    edit = browser.get(f"/servers/{server.pk}/edit/").content.decode()
    assert MASK in edit
    assert SECRET not in edit
    seen = edit.partition('name="seen" value="')[2].partition('"')[0]
    again = typed(seen=seen, **{"options.letters": 6, "options.password": MASK, "options.loud": "True"})
    assert browser.post(f"/servers/{server.pk}/edit/", again).status_code == 302
    assert Server.objects.get().options == {"letters": 6, "password": SECRET, "loud": True}


def test_the_form_says_at_the_option_what_is_wrong(browser):
    response = browser.post("/servers/new/", typed(**{"options.loud": "True", "options.mood": "glad"}))
    assert response.status_code == 422
    assert "Nobody is glad and loud." in response.content.decode()
    assert 'id="server_options.loud_error"' in response.content.decode()


def test_the_admin_edits_it(browser):
    server = stored(options={"password": SECRET, "letters": 4})
    url = f"/admin/monitors/server/{server.pk}/change/"
    page = browser.get(url).content.decode()
    assert 'name="options.letters"' in page
    assert SECRET not in page
    data = typed(notification="on", **{"options.letters": 7, "options.password": MASK, "options.hints": '["a"]'})
    response = browser.post(url, data)
    assert response.status_code == 302, response.context["errors"]
    assert Server.objects.get().options == {"password": SECRET, "letters": 7, "hints": ["a"]}


def test_the_command_probes_it(letters):
    stored(port=letters.server_address[1], options={"password": SECRET})
    out = StringIO()
    call_command("probe", "toy", stdout=out)
    assert letters.heard == [SECRET]
    assert "Letters" in out.getvalue()
    out = StringIO()
    letters.letters = 2
    with pytest.raises(CommandError):
        call_command("probe", f"toy://127.0.0.1:{letters.server_address[1]}", stdout=out)
    assert "Too few letters: The server says 2 letters only." in out.getvalue()
    assert "Feed it." in out.getvalue()


def test_the_engine_times_its_stage_and_its_failure_is_recorded_and_shown(letters, root):
    server = stored(port=letters.server_address[1], options={"letters": 9}, unhealthy_threshold=1)
    [outcome] = look([server])
    assert (outcome.failure, [name for name, _ in outcome.stages.more]) == (toy_kind.TOY_SHORT, ["letters"])
    recording.record([Observation(server.pk, NOW, NOW + timedelta(milliseconds=1), outcome)])
    status = ServerStatus.objects.get()
    assert (status.health, status.failure) == ("UNHEALTHY", "toy_short")
    assert stages_ms(status.stages)["letters"] is not None
    assert marks(status.recent)[-1].failure is toy_kind.TOY_SHORT
    assert "too few letters" in strip_svg(status.recent, latencies=True)
    assert failure_and_detail(status.failure, status.detail) == "Too few letters – The server says 5 letters only."
    assert root.post(f"/api/servers/{server.pk}/probe/").json()["stages"].keys() >= {"letters", "connect"}
    assert ("toy_short", "Too few letters") in cast(Any, FailureFilter).lookups(None, None, None)


def test_its_words_are_found(letters):
    assert (failure_label("toy_short"), failure_help("toy_timeout")) == (
        "Too few letters",
        "The server is silent. Wake it up.",
    )
    assert (stage_words("letters"), type_word(Server(type=199))) == ("Letters", "Toy")


def test_an_export_is_read_again_without_a_change(tmp_path):
    stored(options={"letters": 4, "password": SECRET, "loud": True, "rules": [{"word": "a", "times": 2}]})
    for suffix in ("yaml", "json", "csv"):
        out = StringIO()
        call_command("export_servers", "--format", suffix, "--with-secrets", stdout=out)
        file = tmp_path / f"servers.{suffix}"
        file.write_text(out.getvalue())
        assert SECRET in out.getvalue()
        said = StringIO()
        call_command("seed_servers", str(file), stdout=said)
        assert "1 unchanged" in said.getvalue()
    assert SECRET not in json.dumps(described(Server.objects.get(), secrets=False))


def test_a_file_names_the_kind(tmp_path):
    file = tmp_path / "servers.yaml"
    options = {"letters": 4, "loud": True, "rules": [{"word": "a", "times": 2}]}
    file.write_text(yaml.safe_dump([sent(options=options)]))
    call_command("seed_servers", str(file), stdout=StringIO())
    server = Server.objects.get()
    assert (server.type, server.options) == (199, options)
    file.write_text(yaml.safe_dump([sent(options={"letters": "many"})]))
    with pytest.raises(CommandError):
        call_command("seed_servers", str(file), stdout=StringIO(), stderr=(said := StringIO()))
    file.write_text(yaml.safe_dump([sent(type=1)]))
    with pytest.raises(CommandError):
        call_command("seed_servers", str(file), stdout=StringIO(), stderr=said)


def test_a_secret_that_no_key_reads_is_our_fault_and_is_not_lost(settings):
    server = stored(options={"password": SECRET})
    settings.ENCRYPTION_KEYS, keys = ["c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I="], settings.ENCRYPTION_KEYS
    aim = target_of(Server.objects.get(), policies())
    assert isinstance(aim, Outcome)
    assert (aim.ok, aim.detail) == (None, UNREADABLE)
    recording.save(Server.objects.get(), actor="tests", now=NOW)
    settings.ENCRYPTION_KEYS = keys
    assert Server.objects.get(pk=server.pk).options == {"password": SECRET}


def test_what_somebody_wrote_past_the_application_is_shown_as_an_invalid_address():
    server = stored()
    for options in ({"lettres": 1}, [1], {"letters": "a"}):
        Server.objects.filter(pk=server.pk).update(options=options)
        aim = target_of(Server.objects.get(), policies())
        assert isinstance(aim, Outcome)
        assert (aim.failure, len(aim.detail) < MAX_DETAIL) == ("invalid_address", True)


def test_every_kind_fits_into_the_columns():
    longest = ServerStatus._meta.get_field("stages").max_length or 0
    for kind in kinds.KINDS:
        own = [stage.name for stage in kind.stages if stage not in EXCHANGE]
        shared = len(kind.stages) - len(own)
        assert shared * 9 + 3 + sum(len(f",{name}=") + 9 for name in own) <= longest  # 300 s have 9 digits
        assert all(len(failure) <= 20 for failure in kind.failures)
    codes = [failure.code for failure in kinds.failures()]
    assert len(set(codes)) == len(codes)
    assert all(len(code) == 2 and code.isascii() and code.isalpha() for code in codes)
