from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from monitors.tests.people import client_of, person
from notifications.models import Channel

CONTRACT = {  # path: methods; what scripts depend on
    "/api/channels/": "get post",
    "/api/channels/{channel_id}/": "get put patch delete",
    "/api/channels/{channel_id}/test/": "post",
    "/api/channels/selection/": "get put",
    "/api/slack/channels/": "get post",
    "/api/slack/channels/{slack_id}/": "get patch delete",
    "/api/deliveries/": "get",
    "/api/deliveries/{id}/": "get",
    "/api/deliveries/{id}/resend/": "post",
}

REFUSALS = {"400", "401", "403", "406", "429", "503"}
"""That any of these may answer."""


@pytest.fixture(scope="module")
def schema() -> Any:
    """The OpenAPI document, which must come out without a warning."""
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=out)
    return json.loads(out.getvalue())


@pytest.mark.parametrize(("path", "methods"), CONTRACT.items(), ids=CONTRACT)
def test_the_schema_has_the_paths_of_the_contract(schema, path, methods):
    assert set(schema["paths"][path]) == set(methods.split())


def test_a_webhook_can_be_written_and_not_be_read(schema):
    schemas = schema["components"]["schemas"]
    assert "hook_url" not in schemas["Channel"]["properties"]
    assert schemas["ChannelRequest"]["properties"]["hook_url"]["writeOnly"] is True
    assert {"hook_url_hint", "updated_at"}.isdisjoint(schemas["ChannelRequest"]["properties"])
    assert "required" not in schemas["ChannelRequest"]


def test_the_schema_says_that_a_replacement_keeps_the_webhook(schema):
    assert "hook_url" in schema["paths"]["/api/channels/{channel_id}/"]["put"]["description"]


def test_the_schema_says_what_a_channel_can_be_promised(schema):
    channel = schema["components"]["schemas"]["Channel"]["properties"]
    assert {"guarantee", "lacks", "explanation", "language"} <= set(channel)
    assert "guarantee" not in schema["components"]["schemas"]["ChannelRequest"]["properties"]


def test_the_schema_says_how_old_the_list_of_the_workspace_is_and_how_slack_may_refuse(schema):
    assert "refreshed_at" in schema["components"]["schemas"]["PaginatedWorkspaceChannelList"]["properties"]
    responses = schema["paths"]["/api/slack/channels/"]["post"]["responses"]
    assert set(responses) == {"201", *REFUSALS, "404", "408", "409", "411", "413", "415", "424"}


def test_the_schema_says_how_a_test_may_end(schema):
    responses = schema["paths"]["/api/channels/{channel_id}/test/"]["post"]["responses"]
    assert set(responses) == {"200", *REFUSALS, "404", "424"}
    busy = responses["503"]["content"]["application/json"]["schema"]
    assert busy == {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("RefusedTrial", "Error")]}
    assert "Retry-After" in responses["503"]["headers"]


@pytest.mark.django_db
def test_the_root_lists_channels_and_deliveries():
    assert {"channels", "deliveries"} <= set(client_of("viewer").get("/api/").json())


PAGES = [
    "channels/",
    "channels/C1/",
    "channels/C1/test/",
    "channels/selection/",
    "slack/channels/",
    "deliveries/",
    "deliveries/?state=sent",
]


@pytest.mark.django_db
@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_the_api_can_be_browsed(path, role):
    Channel.objects.create(channel_id="C1")
    client = APIClient()
    client.force_login(person(role))
    response = client.get(f"/api/{path}", headers={"Accept": "text/html"})
    assert response.status_code in (200, 405, 403)
    assert "<html" in response.content.decode()
