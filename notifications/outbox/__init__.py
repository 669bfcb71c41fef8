"""The only writer of deliveries. It knows no medium: it asks `notifications.transports` what one can do.

`fan_out` makes deliveries of the news, `requests` those that people ask for, `subscriptions` those for a channel that
begins to receive alerts; `grouping` lets one message tell of many servers. `claiming` takes one, in the order of
`ordering`, `sending` sends what `composing` makes of it, `settling` writes down what became of it.

State first, then I/O, then settle: a process that dies in between leaves a delivery whose lease runs out, and such an
attempt is uncertain, for the message may have arrived. What is uncertain is looked for before it is sent again; where
that cannot be done it is sent again and says that it may be a repeat. `editing` keeps what was sent up to date,
`promising` writes down what a channel can be promised.
"""

from notifications.outbox.claiming import BusyError, due_channels, pace_of
from notifications.outbox.counting import prune
from notifications.outbox.editing import show_acknowledged
from notifications.outbox.fan_out import fan_out_in_parts, fan_out_news
from notifications.outbox.promising import EVERY, promise, promise_uninspected
from notifications.outbox.requests import TRIED_AGAIN, NotResentError, request_test, resend
from notifications.outbox.sending import deliver, send_test
from notifications.outbox.subscriptions import (
    UnknownChannelsError,
    add_channel,
    change_channel,
    remove_channels,
    select,
    set_enabled,
    tell_current,
)

__all__ = [
    "EVERY",
    "TRIED_AGAIN",
    "BusyError",
    "NotResentError",
    "UnknownChannelsError",
    "add_channel",
    "change_channel",
    "deliver",
    "due_channels",
    "fan_out_in_parts",
    "fan_out_news",
    "pace_of",
    "promise",
    "promise_uninspected",
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
