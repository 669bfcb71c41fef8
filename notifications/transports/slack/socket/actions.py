"""What the buttons do. A press is taken at once and carried out in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import close_old_connections, connection
from django.utils import translation

from monitors import audit, recording
from monitors.display import outcome_text
from monitors.engine.base import Stages
from monitors.looking import look
from monitors.models import Face, Incident, Server
from monitors.strip import pack_stages, stages_ms
from monitors.wording import stage_words
from notifications.models import Channel
from notifications.outbox.claiming import take_turn
from notifications.transports.slack import Verdict
from notifications.transports.slack.answers import post_in_thread, post_response
from notifications.transports.slack.blocks import line, render
from notifications.transports.slack.socket.counting import Ended, Tally
from notifications.transports.slack.socket.envelopes import Press
from notifications.transports.slack.transport import account
from notifications.transports.slack.webhooks import clean_posting_url
from notifications.wording import presses
from notifications.wording.outages import ACKNOWLEDGE, PROBE

logger = logging.getLogger(__name__)

AT_ONCE = 8
PROBES_AT_ONCE = 4
MOST_WAITING = 64
"""Presses taken and not carried out yet; more are dropped."""
REMEMBERED = 1_000
"""Envelopes, so that a repeat is known. Slack repeats within seconds."""


class Actions:
    """Carries presses out, each once."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._workers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="press")
        self._room = threading.BoundedSemaphore(MOST_WAITING)
        self._probing = threading.BoundedSemaphore(PROBES_AT_ONCE)
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._tally = Tally()
        self._acts = {ACKNOWLEDGE: self._acknowledge, PROBE: self._probe}

    def take(self, press: Press) -> None:
        """Returns at once; what is no news, not ours or too much is logged and dropped."""
        if press.action not in self._acts:
            logger.warning("unknown button", extra={"action": press.action})
        elif self._is_repeat(press):
            logger.info("repeated press", extra={"action": press.action})
        elif not self._room.acquire(blocking=False):
            logger.warning("too many presses", extra={"action": press.action})
            self._tally.add(press.action, Ended.DROPPED)
        else:
            self._workers.submit(self._work, press)

    def close(self) -> None:
        """Begin nothing more. What has begun goes on."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    def carry_out(self, press: Press) -> Ended:
        """Do what the button says, and answer in the language of its channel."""
        languages = Channel.objects.filter(pk=press.channel_id).values_list("language", flat=True)
        origin = audit.Origin(Face.SLACK, press.channel_id, _actor(press))
        with translation.override(languages.first() or settings.LANGUAGE_CODE), audit.acting(origin):
            return self._acts[press.action](press)

    def _is_repeat(self, press: Press) -> bool:
        with self._lock:
            if press.envelope_id in self._seen:
                return True
            self._seen[press.envelope_id] = None
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
            return False

    def _work(self, press: Press) -> None:
        close_old_connections()
        ended = Ended.FAILED
        try:
            ended = self.carry_out(press)
        except Exception:
            logger.exception("press not carried out", extra={"action": press.action, "id": press.subject_id})
            self._tell(press, line(presses.trouble()))
        finally:
            self._tally.add(press.action, ended)
            self._tally.store()
            connection.close()  # presses are rare
            self._room.release()

    def _acknowledge(self, press: Press) -> Ended:
        """The message itself comes to show who takes care; only who was too late is told."""
        actor, now = _actor(press), self._clock()
        if recording.acknowledge(press.subject_id, actor=actor, now=now):
            logger.info("outage acknowledged", extra={"incident": press.subject_id})
            return Ended.DONE
        incident = Incident.objects.filter(pk=press.subject_id).first()
        if incident is None:
            self._tell(press, line(presses.forgotten()))
            return Ended.GONE
        if incident.ended_at is not None:
            self._tell(press, line(presses.over(incident.ended_at)))
        else:
            self._tell(press, line(presses.taken(incident.acknowledged_by)))
        return Ended.LATE

    def _probe(self, press: Press) -> Ended:
        if not self._probing.acquire(blocking=False):
            self._tell(press, line(presses.busy()))
            return Ended.BUSY
        try:
            server = Server.objects.filter(pk=press.subject_id).first()
            if server is None:
                self._tell(press, line(presses.server_gone()))
                return Ended.GONE
            [outcome] = look([server])
        finally:
            self._probing.release()
        found = presses.Look(
            host_name=server.host_name,
            environment=server.environment,
            ok=outcome.ok,
            outcome=outcome_text(outcome),
            stages=_stages(outcome.stages),
            actor=_actor(press),
        )
        self._show(press, found)
        return Ended.DONE

    def _show(self, press: Press, found: presses.Look) -> None:
        """In the thread, for everybody who follows the outage; to who asked alone when that cannot be now, for alerts
        have the channel's pace to themselves."""
        message = render(presses.looked(found))
        if press.thread_ts and take_turn(press.channel_id, self._clock()):
            reply = post_in_thread(account(), press.channel_id, press.thread_ts, message)
            if reply.verdict in (Verdict.SENT, Verdict.UNCERTAIN):
                return
            logger.warning("thread not answered", extra={"channel": press.channel_id, "reason": reply.code})
        self._tell(press, message.text)

    def _tell(self, press: Press, text: str) -> None:
        """Tell who pressed, and nobody else."""
        try:
            url = clean_posting_url(press.response_url)
        except ValidationError:
            logger.warning("no address for the answer", extra={"action": press.action})
            return
        reply = post_response(url, text)
        if reply.verdict is not Verdict.SENT:
            logger.warning("press not answered", extra={"action": press.action, "reason": reply.code})


def _actor(press: Press) -> str:
    return f"{press.user} (Slack)"


def _stages(stages: Stages) -> list[tuple[str, str]]:
    """Labelled as on the server's page."""
    spent = stages_ms(pack_stages(stages))
    return [(stage_words(name), "" if ms is None else f"{ms:.1f} ms") for name, ms in spent.items()]
