"""The only writer of deliveries: `handover` makes them, `sending` sends and settles them, `requests` makes those that
people ask for."""

from notifications.outbox.handover import hand_over
from notifications.outbox.requests import request_test, resend, set_enabled, tell_current
from notifications.outbox.sending import deliver, due_channels

__all__ = ["deliver", "due_channels", "hand_over", "request_test", "resend", "set_enabled", "tell_current"]
