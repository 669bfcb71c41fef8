"""What a newcomer is shown, and when it goes away again."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from healthcheck import settings as read_settings
from healthcheck.demo import blocks, plan, rows, targets
from monitors import kinds, recording
from monitors.models import Server
from monitors.tests.builders import see, server
from notifications.models import Channel


@pytest.fixture
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """An embedded installation with no variables of its own."""
    monkeypatch.setattr(read_settings, "EMBEDDED", True)
    monkeypatch.setattr(read_settings, "DATA_DIR", tmp_path)
    monkeypatch.setattr(read_settings, "SLACK_BOT_TOKEN", "")
    monkeypatch.setattr(read_settings, "DEMO", True)
    monkeypatch.delenv("SLACK_API_URL", raising=False)
    return monkeypatch


@pytest.mark.django_db
class TestRows:
    def test_an_empty_database_gets_a_demonstration(self, installation):
        made = rows.prepare(timezone.now())
        assert made
        assert made.servers == Server.objects.count() == len(plan.EXHIBITS)
        assert made.variables["SLACK_API_URL"] == f"{made.page}api/"
        assert Channel.objects.get().pk == plan.CHANNEL_ID
        for shown in Server.objects.all():
            shown.full_clean()
        assert {kinds.of(exhibit.type) for exhibit in plan.EXHIBITS} == set(kinds.KINDS)
        assert {exhibit.environment for exhibit in plan.EXHIBITS} == {"DEV", "STAGE", "LIVE"}

    def test_a_later_run_shows_the_same_one(self, installation):
        assert rows.prepare(timezone.now()) == rows.prepare(timezone.now())
        assert Server.objects.count() == len(plan.EXHIBITS)

    def test_a_database_with_servers_is_left_alone(self, installation):
        server()
        assert rows.prepare(timezone.now()) is None
        assert Server.objects.count() == 1
        assert not Channel.objects.exists()

    def test_a_database_that_was_emptied_stays_empty(self, installation):
        mine = server()
        see(mine, "+")
        recording.delete([mine.pk], actor="somebody", now=timezone.now())
        assert rows.prepare(timezone.now()) is None

    def test_a_real_database_gets_none(self, installation):
        installation.setattr(read_settings, "EMBEDDED", False)
        assert rows.prepare(timezone.now()) is None

    def test_demo_0_starts_empty_and_takes_an_old_one_away(self, installation):
        rows.prepare(timezone.now())
        server(host_name="mine")
        installation.setattr(read_settings, "DEMO", False)
        assert rows.prepare(timezone.now()) is None
        assert Server.objects.get().host_name == "mine"
        assert not Channel.objects.exists()

    def test_a_real_token_takes_the_stand_in_away(self, installation):
        rows.prepare(timezone.now())
        installation.setattr(read_settings, "SLACK_BOT_TOKEN", "xoxb-real")
        kept = rows.prepare(timezone.now())
        assert kept
        assert (kept.servers, kept.page, kept.variables) == (len(plan.EXHIBITS), None, {})
        assert not Channel.objects.exists()

    def test_a_renamed_exhibit_is_somebody_s_own(self, installation):
        rows.prepare(timezone.now())
        Server.objects.filter(host_name="demo-web").update(host_name="mine")
        installation.setattr(read_settings, "DEMO", False)
        rows.prepare(timezone.now())
        assert Server.objects.get().host_name == "mine"


def test_ports_are_remembered(tmp_path):
    ports = plan.choose_ports()
    assert len(set(ports.values())) == len(plan.EXHIBITS) + 1
    assert plan.remembered_ports(tmp_path) is None
    plan.remember_ports(tmp_path, ports)
    assert plan.remembered_ports(tmp_path) == ports
    (tmp_path / "demo.json").write_text(json.dumps({"slack": 1}))
    assert plan.remembered_ports(tmp_path) is None


def test_the_unsteady_one_fails_and_recovers_once_a_minute():
    states = [targets.is_failing(second) for second in range(120)]
    changes = [second for second in range(1, 120) if states[second] != states[second - 1]]
    assert not states[0]
    assert changes[:2] == [12, 35], "seen healthy first, then failing, then healthy again"
    assert min(later - earlier for earlier, later in pairwise(changes)) >= plan.THRESHOLD * plan.INTERVAL_SECONDS


MARKUP = {  # what it is: (mrkdwn, HTML)
    "escaped text": ("a &lt;b&gt; &amp; c", "a &lt;b&gt; &amp; c"),
    "markup that is not Slack's": ('<script>alert("x")</script>', '<b>script</b>alert("x")<b>/script</b>'),
    "bold": ("*down* since", "<b>down</b> since"),
    "an underscore inside a word": ("web_1_a", "web_1_a"),
    "a link": ("<https://a.example/x_y_z?a=1&amp;b=2|here>", '<a href="https://a.example/x_y_z?a=1&amp;b=2">here</a>'),
    "a link without words": ("<https://a.example>", '<a href="https://a.example">https://a.example</a>'),
    "a link that runs": ("<javascript:alert(1)|here>", "<b>here</b>"),
    "an instant": ("<!date^0^{date}|then>", '<time datetime="1970-01-01T00:00:00+00:00">then</time>'),
    "a mention": ("<!channel>", "<b>!channel</b>"),
}


@pytest.mark.parametrize(("text", "shown"), MARKUP.values(), ids=MARKUP)
def test_markup(text, shown):
    assert blocks.mrkdwn(text) == shown


class Tags(HTMLParser):
    """The tags of a text, with the schemes of its links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.schemes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.schemes |= {str(value).split(":")[0] for name, value in attrs if name == "href"}
        assert {name for name, _ in attrs} <= {"href", "class", "datetime", "data-action", "data-value"}


FOREIGN = '"><script onload=a()>'


def rich(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}


BLOCKS = {  # what it is: (block, tags)
    "header": ({"type": "header", "text": {"type": "plain_text", "text": FOREIGN}}, {"h2"}),
    "section": ({"type": "section", "text": {"type": "plain_text", "text": FOREIGN}}, {"p"}),
    "fields": ({"type": "section", "fields": [{"type": "mrkdwn", "text": "*a* &lt;script>"}]}, {"div", "b"}),
    "context": ({"type": "context", "elements": [{"type": "plain_text", "text": FOREIGN}]}, {"small"}),
    "divider": ({"type": "divider"}, {"hr"}),
    "a button": (
        {"type": "actions", "elements": [{"text": {"text": FOREIGN}, "url": f"https://a/{FOREIGN}", "style": FOREIGN}]},
        {"div", "a"},
    ),
    "a button that runs": (
        {"type": "actions", "elements": [{"text": {"text": "go"}, "url": "javascript:a()"}]},
        {"div", "a"},
    ),
    "a button to press": (
        {"type": "actions", "elements": [{"text": {"text": "go"}, "action_id": FOREIGN, "value": FOREIGN}]},
        {"div", "button"},
    ),
    "rich text": (rich({"type": "text", "text": FOREIGN, "style": {"bold": True}}), {"p", "b"}),
    "a rich link": (rich({"type": "link", "url": f"https://a/{FOREIGN}", "text": FOREIGN}), {"p", "a"}),
    "a rich list": (rich({"type": "rich_text_list", "elements": [{"elements": []}]}), {"p", "ul", "li"}),
    "something new": ({"type": "new"}, set()),
}


@pytest.mark.parametrize(("block", "tags"), BLOCKS.values(), ids=BLOCKS)
def test_a_block_is_shown_and_nothing_foreign_runs(block, tags):
    shown = Tags(blocks.message_html({"blocks": [block]}))
    assert shown.found == tags
    assert shown.schemes <= {"https"}


def test_a_message_without_blocks_is_its_text():
    assert blocks.message_html({"text": "*down*"}) == "<p><b>down</b></p>"
