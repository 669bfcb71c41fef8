import json
import re
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from notifications import blocks, wording
from notifications.blocks import Message
from notifications.tests.standin.rules import check_message

NOON = datetime(2026, 11, 22, 12, 3, 5, tzinfo=UTC)
OUTAGE = wording.Outage(
    incident_id=3,
    server_id=7,
    host_name="chat-3",
    environment="LIVE",
    address="wss://chat-3.example.com:443/hub/chat",
    failure="refused",
    detail="10.0.0.3 port 443",
    began_at=NOON,
    confirmed_at=NOON + timedelta(seconds=60),
    ended_at=None,
    end_reason="",
    acknowledged_by="",
    link="https://monitor.example.com/servers/7/",
)
OVER = replace(OUTAGE, ended_at=NOON + timedelta(seconds=252), end_reason="outcomes")
DATE = re.compile(r"<!date\^(\d+)\^\{date_short_pretty\} \{time_secs\}\|(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d)>")


def shown(message: Message) -> str:
    """As a person reads it: the notification, a line, and the blocks."""
    return DATE.sub(r"[\2]", "\n".join([message.text, "---", *map(shown_block, message.blocks)]))


def shown_block(block: blocks.Block) -> str:
    match block["type"]:
        case "header":
            return f"# {block['text']['text']}"
        case "section":
            return str(block["text"]["text"])
        case "context":
            return "\n".join(f"({element['text']})" for element in block["elements"])
    elements = [element for part in block["elements"] for element in part["elements"]]
    return "".join(f"{one['text']} -> {one['url']}" if one["type"] == "link" else one["text"] for one in elements)


MESSAGES = {
    "failure": (
        wording.failure_message(OUTAGE),
        """\
🔴 LIVE chat-3 is down: connection refused (since [2026-11-22 12:03:05+00:00])
---
# 🔴 LIVE chat-3 is down
Server: chat-3
Environment: LIVE
Address: wss://chat-3.example.com:443/hub/chat
What failed: Connection refused
Detail: 10.0.0.3 port 443
*Down since* [2026-11-22 12:03:05+00:00]
*Confirmed* [2026-11-22 12:04:05+00:00]
Open the server's page -> https://monitor.example.com/servers/7/""",
    ),
    "acknowledged failure that may be a repeat": (
        wording.failure_message(replace(OUTAGE, acknowledged_by="kim", detail=""), possible_repeat=True),
        """\
🔴 LIVE chat-3 is down: connection refused (since [2026-11-22 12:03:05+00:00]) (possible repeat)
---
# 🔴 LIVE chat-3 is down
Server: chat-3
Environment: LIVE
Address: wss://chat-3.example.com:443/hub/chat
What failed: Connection refused
Acknowledged by: kim
*Down since* [2026-11-22 12:03:05+00:00]
*Confirmed* [2026-11-22 12:04:05+00:00]
Open the server's page -> https://monitor.example.com/servers/7/
(Possible repeat: Slack did not confirm that an earlier attempt was shown.)""",
    ),
    "recovery": (
        wording.recovery_message(OVER),
        """\
🟢 LIVE chat-3 is up again after 4 min 12 s (it was down since [2026-11-22 12:03:05+00:00]: connection refused)
---
# 🟢 LIVE chat-3 is up again
Server: chat-3
Environment: LIVE
Address: wss://chat-3.example.com:443/hub/chat
Was down for: 4 min 12 s
Previous error: Connection refused
Detail: 10.0.0.3 port 443
*Down since* [2026-11-22 12:03:05+00:00]
*Ended* [2026-11-22 12:07:17+00:00]
Open the server's page -> https://monitor.example.com/servers/7/""",
    ),
    "paused": (
        wording.ended_message(OVER, "paused", "kim"),
        """\
⚪ LIVE chat-3 was down (connection refused, since [2026-11-22 12:03:05+00:00]). Monitoring was paused by kim.
---
# ⚪ LIVE chat-3: monitoring paused
(Monitoring was paused by kim.)
Server: chat-3
Environment: LIVE
Address: wss://chat-3.example.com:443/hub/chat
Was down for: 4 min 12 s
Last error: Connection refused
Detail: 10.0.0.3 port 443
*Down since* [2026-11-22 12:03:05+00:00]
*Ended* [2026-11-22 12:07:17+00:00]
Open the server's page -> https://monitor.example.com/servers/7/""",
    ),
    "deleted, without a link to a page that is gone": (
        wording.ended_message(OVER, "deleted", ""),
        """\
⚪ LIVE chat-3 was down (connection refused, since [2026-11-22 12:03:05+00:00]). \
The server was deleted from the monitor.
---
# ⚪ LIVE chat-3: server deleted
(The server was deleted from the monitor.)
Server: chat-3
Environment: LIVE
Address: wss://chat-3.example.com:443/hub/chat
Was down for: 4 min 12 s
Last error: Connection refused
Detail: 10.0.0.3 port 443
*Down since* [2026-11-22 12:03:05+00:00]
*Ended* [2026-11-22 12:07:17+00:00]""",
    ),
    "still down": (
        wording.still_down_message(replace(OUTAGE, link="")),
        """\
🔴 LIVE chat-3 is still down: connection refused (since [2026-11-22 12:03:05+00:00])
---
# 🔴 LIVE chat-3 is still down
Server: chat-3
Environment: LIVE
Address: wss://chat-3.example.com:443/hub/chat
What failed: Connection refused
Detail: 10.0.0.3 port 443
*Down since* [2026-11-22 12:03:05+00:00]
*Confirmed* [2026-11-22 12:04:05+00:00]
(Told now because alerts for this server have just been switched on.)""",
    ),
    "expired": (
        wording.expired_summary(12, NOON, NOON + timedelta(hours=2)),
        """\
⚪ 12 changes of state between [2026-11-22 12:03:05+00:00] and [2026-11-22 14:03:05+00:00] were not announced: \
they could not be sent while they were news.
---
# ⚪ 12 changes were not announced
12 changes of state between [2026-11-22 12:03:05+00:00] and [2026-11-22 14:03:05+00:00] were not announced: \
they could not be sent while they were news.
(The dashboard shows how every server is now; nothing of this is sent again.)""",
    ),
    "test": (
        wording.test_message("alerts"),
        """\
⚪ Test message for alerts: alerts of the server health monitor arrive here.
---
# ⚪ Test message for alerts
(Alerts of the server health monitor arrive here. No server is down because of this message.)""",
    ),
}


@pytest.mark.parametrize(("message", "expected"), MESSAGES.values(), ids=MESSAGES)
def test_message_reads(message, expected):
    assert shown(message) == expected
    check_message(message.text, message.blocks)


def test_an_end_for_an_unknown_reason_is_told_all_the_same():
    assert "Watching it was ended by kim." in wording.ended_message(OVER, "abducted", "kim").text


NASTY = st.sampled_from(
    [
        *("&", "<", ">", "<!channel>", "<!here>", "<@U1>", "<#C1>", "<https://x.example|y>", "@channel"),
        *("`", "```", "*", "_", "~", "^", "|", '"', "\\", ":fire:", "%(name)s", "%s", "{0}"),
        *("\n", "\r\n", "\u2028", "\x00", "\x1b[31m", "\u202e", "\u2066", "\u200f", "\ud800", "\udfff"),
        *("name", "서버", "😀", "👨‍👩‍👧", "a" * 255, "😀" * 255, "&" * 255),
    ]
)
HOSTILE = st.lists(NASTY | st.text(st.characters(exclude_categories=()), max_size=20), max_size=8).map("".join)
OUTAGES = st.builds(
    replace,
    st.sampled_from([OUTAGE, OVER]),
    host_name=HOSTILE,
    environment=HOSTILE,
    address=HOSTILE,
    failure=HOSTILE | st.just("refused"),
    detail=HOSTILE,
    acknowledged_by=HOSTILE,
)
ENDLESS = "😀" * 999
LONGEST = replace(
    OVER,
    host_name=ENDLESS,
    environment=ENDLESS,
    address=ENDLESS,
    failure=ENDLESS,
    detail=ENDLESS,
    acknowledged_by=ENDLESS,
)
HIDDEN = {"Cc", "Cs"}


def strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for one in inner for text in strings(one)]


def assert_harmless(message: Message) -> None:
    check_message(message.text, message.blocks)
    assert len(json.dumps({"text": message.text, "blocks": message.blocks})) <= 8_000
    everything = [message.text, *strings(message.blocks)]
    assert not [text for text in everything if blocks.INVISIBLE.search(text)]
    assert not [c for text in everything for c in text if c != "\n" and unicodedata.category(c) in HIDDEN]
    assert "\n" not in message.text
    spoken = DATE.sub("", message.text)
    assert not re.search(r"[<>`*~]", spoken)
    assert re.sub(r"&(amp|lt|gt);", "", spoken).count("&") == 0
    for block in message.blocks:
        if block["type"] == "section":  # the only blocks that Slack parses hold nothing foreign
            assert re.fullmatch(r"[\w\s*]*", DATE.sub("", block["text"]["text"]), re.ASCII)


@settings(max_examples=100, deadline=None)
@given(OUTAGES, HOSTILE, HOSTILE, st.booleans())
@example(LONGEST, "deleted", ENDLESS, True)
def test_seed_defect_12_nothing_foreign_does_harm(outage, reason, actor, repeat):
    for message in (
        wording.failure_message(outage, possible_repeat=repeat),
        wording.recovery_message(outage, possible_repeat=repeat),
        wording.ended_message(outage, reason, actor, possible_repeat=repeat),
        wording.ended_message(outage, "paused", actor, possible_repeat=repeat),
        wording.still_down_message(outage, possible_repeat=repeat),
        wording.test_message(actor, possible_repeat=repeat),
    ):
        assert_harmless(message)


@given(HOSTILE.filter(blocks.clean))
def test_a_name_is_shown_whole_and_unchanged(name):
    """Except for what cannot be seen and what is longer than a host name can be."""
    message = wording.failure_message(replace(OUTAGE, host_name=name))
    rich = message.blocks[1]["elements"][0]["elements"]
    assert rich[1]["text"] == blocks.clean(name)
