"""The only writer of deliveries: `handover` makes them, `requests` those that people ask for, `listening` those for a
channel that begins to listen. `claiming` takes one, `sending` sends it, `settling` writes down what became of it.

State first, then I/O, then settle: a process that dies in between leaves a delivery whose lease runs out, and such an
attempt is uncertain, for Slack may have the message. What is uncertain is looked for in Slack before it is sent again;
where that cannot be done it is sent again and says that it may be a repeat. `editing` keeps what was sent up to date.
"""

from notifications.outbox.claiming import BusyError, due_channels
from notifications.outbox.editing import show_acknowledged
from notifications.outbox.handover import hand_over, hand_over_in_parts
from notifications.outbox.listening import (
    UnknownChannelsError,
    add_channel,
    change_channel,
    remove_channels,
    select,
    set_enabled,
    tell_current,
)
from notifications.outbox.pacing import PACE
from notifications.outbox.pruning import prune
from notifications.outbox.requests import TRIED_AGAIN, NotResentError, request_test, resend
from notifications.outbox.sending import deliver, send_test

__all__ = [
    "PACE",
    "TRIED_AGAIN",
    "BusyError",
    "NotResentError",
    "UnknownChannelsError",
    "add_channel",
    "change_channel",
    "deliver",
    "due_channels",
    "hand_over",
    "hand_over_in_parts",
    "prune",
    "remove_channels",
    "request_test",
    "resend",
    "select",
    "send_test",
    "set_enabled",
    "show_acknowledged",
    "tell_current",
]
