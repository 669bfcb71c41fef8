"""`manage.py listen_slack`: receive what people press in Slack, until SIGTERM, SIGINT or SIGHUP."""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.translation import gettext_lazy

from monitors.clock import database_now
from notifications.transports.slack import Account
from notifications.transports.slack.socket.actions import Actions
from notifications.transports.slack.socket.listener import Listener

logger = logging.getLogger(__name__)

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ENDING_SECONDS = 3.0


class Command(BaseCommand):
    help = str(
        gettext_lazy(
            "Receive presses of the buttons in Slack's messages, by Socket Mode. Runs until it is ended, whatever "
            "Slack does; without SLACK_APP_TOKEN it waits and does nothing."
        )
    )

    def handle(self, *args: Any, **options: Any) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)  # before there are threads, which inherit it
        if not settings.SLACK_APP_TOKEN:
            logger.info("no SLACK_APP_TOKEN: messages have no buttons")
            signal.sigwait(ENDING_SIGNALS)
            return
        actions = Actions(database_now)
        account = Account(settings.SLACK_APP_TOKEN, settings.SLACK_API_URL)
        listener = Listener(account, actions.take, timezone.now)
        listening = threading.Thread(target=listener.run, name="listener", daemon=True)
        listening.start()
        signal.sigwait(ENDING_SIGNALS)
        actions.close()
        listener.stop()
        listening.join(ENDING_SECONDS)
        logging.shutdown()
        os._exit(0)  # or Python would wait for every thread that waits for Slack, a server or the database
