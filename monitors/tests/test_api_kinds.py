"""The word of a kind instead of a number, for the kinds there are."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from monitors.models import Server
from monitors.tests.builders import server

pytestmark = pytest.mark.django_db
NEW = {"host_name": "shop", "host": "shop.example.com", "port": 443, "environment": "LIVE"}


@pytest.fixture
def root():
    client = APIClient()
    client.force_authenticate(User.objects.create_superuser("root"))
    return client


KNOWN = {1: "http", 2: "websocket", 3: "websocket", 4: "websocket", 6: "http", 100: "http", 101: "websocket"}


@pytest.mark.parametrize(("number", "word"), KNOWN.items())
def test_every_type_is_read_as_a_kind_and_keeps_its_number(root, number, word):
    url = f"/api/servers/{server(type=number).pk}/"
    assert root.get(url).json()["kind"] == word
    assert root.patch(url, {"kind": word}, format="json").json()["type"] == number
    replaced = root.put(url, {**NEW, "kind": word}, format="json").json()
    assert (replaced["type"], replaced["kind"], replaced["options"]) == (number, word, None)


def test_a_number_that_no_kind_has_is_read_as_http(root):
    odd, chat = server(), server(type=2)
    Server.objects.filter(pk=odd.pk).update(type=77)
    assert root.get(f"/api/servers/{odd.pk}/").json()["kind"] == "http"
    assert [row["id"] for row in root.get("/api/servers/?kind=http").json()["results"]] == [odd.pk]
    assert [row["id"] for row in root.get("/api/servers/?kind=websocket").json()["results"]] == [chat.pk]
    assert root.get("/api/servers/?kind=gopher").status_code == 400


@pytest.mark.parametrize(("word", "number", "address"), [("http", 100, "https"), ("websocket", 101, "wss")])
def test_a_new_server_of_a_kind_gets_the_number_of_its_own(root, word, number, address):
    body = root.post("/api/servers/", {**NEW, "kind": word}, format="json").json()
    assert body["type"] == number
    assert body["effective"]["address"]["value"] == f"{address}://shop.example.com:443/"


def test_another_kind_gives_another_number(root):
    url = f"/api/servers/{server(type=2).pk}/"
    assert root.patch(url, {"kind": "http"}, format="json").json()["type"] == 100


WRONG = {
    "both, and they contradict": ({"kind": "http", "type": 2}, "kind"),
    "a word that there is not": ({"kind": "gopher"}, "kind"),
    "a number for a word": ({"kind": 1}, "kind"),
    "neither": ({}, "type"),
    "a number that there is not": ({"type": 77}, "type"),
    "an option that there is not": ({"kind": "http", "options": {"method": 1}}, "options.method"),
    "a list of options": ({"kind": "http", "options": []}, "options"),
}


@pytest.mark.parametrize(("said", "field"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_refused_and_named(root, said, field):
    response = root.post("/api/servers/", {**NEW, **said}, format="json")
    assert (response.status_code, [error["field"] for error in response.json()["errors"]]) == (400, [field])
    response = root.post("/api/servers/bulk/", [{**NEW, **said}], format="json")
    assert (response.status_code, [error["field"] for error in response.json()["errors"]]) == (400, [field])
    assert not Server.objects.exists()


def test_both_may_be_said_where_they_agree(root):
    assert root.post("/api/servers/", {**NEW, "kind": "websocket", "type": 3}, format="json").json()["type"] == 3


def test_the_kinds_are_listed(root):
    listed = {kind["kind"]: kind for kind in root.get("/api/kinds/").json()}
    assert list(listed) == ["http", "websocket"]
    assert [number["type"] for number in listed["websocket"]["types"]] == [101, 2, 3, 4]
    assert listed["websocket"]["types"][1]["path"] == "/hub/chat"
    assert listed["http"]["options"] == {"type": "object", "additionalProperties": False, "properties": {}}
    assert APIClient().get("/api/kinds/").status_code == 401


@pytest.mark.parametrize("number", ["9" * 5_000, "-1", "1e9", "²"])
def test_a_type_that_is_no_number_of_ours_is_refused(root, number):
    refused = root.post("/api/servers/", {**NEW, "type": number}, format="json")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "type")
