"""A stand-in for Slack: the Web API, incoming webhooks and Socket Mode on this machine, with a ledger and faults on
demand.

Behaves as Slack's pages say ("chat.postMessage", "conversations.*", "Rate limits", "Sending messages using incoming
webhooks", "Pagination"), refusals included. In a test:

    with Standin() as slack:
        slack.faults.set(Fault(Kind.RATE_LIMITED, seconds=2, times=1))
        post_message(slack.token, slack.channel, message, base_url=slack.api_url)
        slack.ledger.wait_for(lambda entries: len(entries) == 1)

As a process: `python -m notifications.tests.standin --port 9000`; then `GET /ledger` and `POST /mode`.
"""

from notifications.tests.standin.faults import Fault, Kind, Limiter, Pace
from notifications.tests.standin.ledger import Entry, Ledger
from notifications.tests.standin.server import Standin
from notifications.tests.standin.socket import Button, Socket
from notifications.tests.standin.workspace import Channel, Workspace

__all__ = [
    "Button",
    "Channel",
    "Entry",
    "Fault",
    "Kind",
    "Ledger",
    "Limiter",
    "Pace",
    "Socket",
    "Standin",
    "Workspace",
]
