"""Storms and their rules in the admin."""

from __future__ import annotations

import re

import pytest

from monitors.tests.answers import text
from monitors.tests.builders import NOW, SECOND
from monitors.tests.people import person
from notifications import outbox
from notifications.models import Channel, Delivery, State, Storm, StormRule
from notifications.templatetags.told import reason_words
from notifications.tests.waves import fail

pytestmark = pytest.mark.django_db
STORMS = "/admin/notifications/storm/"
RULES = "/admin/notifications/stormrule/"


@pytest.fixture
def operator(client):
    client.force_login(person("operator", is_staff=True))
    return client


@pytest.fixture
def storm():
    Channel.objects.create(channel_id="C1", name="alerts")
    fail(6)
    outbox.fan_out_news(NOW + SECOND)
    return Storm.objects.get()


def test_a_storm_is_listed_with_what_it_tells_and_what_became_of_its_message(operator, storm):
    Delivery.objects.filter(kind="storm").update(state=State.FAILED, reason="is_archived")
    listed = text(operator.get(STORMS))
    assert "alerts" in listed
    assert re.search(r"field-outages[^>]*>\s*6\s*<", listed)
    assert "failed: " in listed
    assert f"?storm={storm.pk}" in text(operator.get(f"{STORMS}{storm.pk}/change/"))


def test_a_storm_leads_to_its_deliveries(operator, storm):
    Delivery.objects.create(kind="test", channel_id="C1", key="test:another")
    listed = text(operator.get("/admin/notifications/delivery/", {"storm": storm.pk}))
    assert listed.count("field-created_at") == 7
    assert str(storm) in listed


def test_what_a_storm_tells_instead_says_so(operator, storm):
    member = storm.deliveries.filter(kind="failure").first()
    assert reason_words(member) == "the message of a storm says it"
    assert reason_words(Delivery(state=State.SKIPPED, reason="absorbed")) == "another message says it"


def test_storms_are_not_made_by_hand(operator, storm):
    assert operator.get(f"{STORMS}add/").status_code == 403
    assert operator.post(f"{STORMS}{storm.pk}/delete/", {"post": "yes"}).status_code == 403


def test_an_operator_sets_the_rule_of_an_environment(operator):
    assert "30 s" in text(operator.get(f"{RULES}add/"))
    operator.post(f"{RULES}add/", {"environment": "DEV", "servers": 10, "seconds": 60})
    assert StormRule.objects.values_list("servers", "seconds").get(environment="DEV") == (10, 60)
    operator.post(f"{RULES}DEV/change/", {"servers": 0, "seconds": 60})
    assert StormRule.objects.get().servers == 0


@pytest.mark.parametrize("wrong", [{"servers": 1}, {"servers": 1001}, {"seconds": 4}, {"seconds": 601}])
def test_a_rule_that_makes_no_sense_is_refused(operator, wrong):
    answer = operator.post(f"{RULES}add/", {"environment": "DEV", "servers": 5, "seconds": 30, **wrong})
    assert answer.context["errors"]
    assert not StormRule.objects.exists()


def test_a_viewer_sees_the_rules_and_changes_none(client):
    client.force_login(person("viewer", is_staff=True))
    StormRule.objects.create(environment="DEV")
    assert "DEV" in text(client.get(RULES))
    client.post(f"{RULES}DEV/change/", {"servers": 0, "seconds": 60})
    assert StormRule.objects.get().servers == 5
