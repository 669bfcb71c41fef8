"""The only writer of deliveries: `handover` makes them, `sending` sends and settles them, `requests` makes those that
people ask for, `listening` those for a channel that begins to listen."""

from notifications.outbox.handover import hand_over
from notifications.outbox.listening import (
    UnknownChannelsError,
    add_channel,
    change_channel,
    remove_channels,
    select,
    set_enabled,
    tell_current,
)
from notifications.outbox.pruning import prune
from notifications.outbox.requests import request_test, resend
from notifications.outbox.sending import BusyError, deliver, due_channels, send_test

__all__ = [
    "BusyError",
    "UnknownChannelsError",
    "add_channel",
    "change_channel",
    "deliver",
    "due_channels",
    "hand_over",
    "prune",
    "remove_channels",
    "request_test",
    "resend",
    "select",
    "send_test",
    "set_enabled",
    "tell_current",
]
