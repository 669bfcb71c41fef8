"""Whatever goes wrong on the way: in the end every message is there once, in order, and says what is so."""

import random

import pytest

from monitors import recording
from monitors.models import Incident
from monitors.tests.builders import SECOND, observation, server
from notifications.models import ENDING, OPEN_STATES, TELLING, Delivery, State, StormRule
from notifications.models import Kind as Telling
from notifications.outbox import claiming, sending
from notifications.outbox.claiming import Purpose
from notifications.outbox.composing import compose
from notifications.tests.standin import Fault, Kind
from notifications.tests.test_sending import channel, clock, run, slack
from notifications.transports.slack.blocks import render

__all__ = ["channel", "clock", "slack"]  # fixtures
pytestmark = pytest.mark.django_db
TROUBLE = [
    Fault(Kind.RATE_LIMITED, seconds=3),
    Fault(Kind.STATUS, status=503),
    Fault(Kind.ERROR, code="service_unavailable"),
    Fault(Kind.ERROR, code="fatal_error"),
    Fault(Kind.RECORD_THEN_ERROR, code="fatal_error"),
    Fault(Kind.RECORD_THEN_CUT),
    Fault(Kind.CUT_BEFORE_RECORD),
]
SECONDS = 60
FLEETS = {"told one by one": (3, 0), "told as storms": (6, 3)}
"""How many servers there are, and how many failures are a storm."""
METHODS = ["chat.postMessage", "chat.update", "conversations.history", "conversations.replies"]


class Story:
    """Seconds in which servers fail and recover, people meddle and Slack has trouble, all by chance."""

    def __init__(self, seed, servers, slack, clock):
        self.chance, self.slack, self.clock = random.Random(seed), slack, clock
        self.servers = [server(host_name=f"web-{number}") for number in range(servers)]
        self.working = dict.fromkeys(self.servers, True)

    def tell(self, seconds):
        for _ in range(seconds):
            for target in self.servers:
                if self.chance.random() < 0.08:
                    self.working[target] = not self.working[target]
                recording.record([observation(target.pk, self.clock.now, self.working[target])])
            if self.chance.random() < 0.1:
                self.meddle()
            if self.chance.random() < 0.15:
                self.trouble()
            if self.chance.random() < 0.04:
                self.kill()
            run(self.clock)

    def meddle(self):
        target, now = self.chance.choice(self.servers), self.clock.now
        match self.chance.choice(["acknowledge", "pause", "silence"]):
            case "acknowledge":
                for incident in Incident.objects.filter(ended_at=None):
                    recording.acknowledge(incident.pk, actor="kim", now=now)
            case "pause":
                recording.pause([target.pk], actor="kim", now=now)
                recording.resume([target.pk], actor="kim", now=now)
            case "silence":
                recording.set_notification([target.pk], False, actor="kim", now=now)
                recording.set_notification([target.pk], True, actor="kim", now=now)

    def trouble(self):
        fault = self.chance.choice(TROUBLE)
        method, times = self.chance.choice(METHODS), self.chance.randint(1, 3)
        self.slack.faults.set(Fault(fault.kind, code=fault.code, seconds=fault.seconds, method=method, times=times))

    def kill(self):
        """A sender, after it claimed something, or after Slack has done what it asked."""
        attempt = claiming.claim(self.slack.channel, self.clock.now)
        if attempt and attempt.purpose is not Purpose.LOOK and self.chance.random() < 0.5:
            sending.tell(attempt)

    def end(self):
        """All is well again, and everything that waits leaves."""
        self.slack.faults.clear()
        for _ in range(60):
            if Delivery.objects.filter(state__in=OPEN_STATES).exists():
                run(self.clock, 5)
        self.clock.now += 60 * SECOND
        run(self.clock, 20)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("servers", "storm"), FLEETS.values(), ids=FLEETS)
def test_every_message_is_there_once_in_order_and_true(slack, channel, clock, servers, storm, seed):
    StormRule.objects.create(environment="LIVE", servers=storm)
    story = Story(seed, servers, slack, clock)
    story.tell(SECONDS)
    story.end()
    rows = {str(row.pk): row for row in Delivery.objects.order_by("pk")}
    assert {row.state for row in rows.values()} <= {State.SENT, State.SKIPPED}
    messages = slack.workspace.channels[channel.pk].messages
    ids = [message["metadata"]["event_payload"]["delivery_id"] for message in messages]
    assert sorted(ids) == sorted(pk for pk, row in rows.items() if row.state == State.SENT)
    told = []
    for message, row in zip(messages, map(rows.__getitem__, ids), strict=True):
        assert message["text"] == render(compose(row, channel)).text
        assert message["blocks"] == render(compose(row, channel)).blocks
        if row.kind in ENDING and not row.facts.get("late"):
            assert row.incident_id in told
        if row.kind in TELLING:
            told.append(row.incident_id)
    assert (Telling.STORM in {row.kind for row in rows.values()}) == bool(storm)
