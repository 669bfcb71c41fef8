"""What is said in Slack: plain facts in, messages out. No models, no database, no network.

Every message says the same twice: in one line of `text` for notifications and screen readers, and in blocks. The state
is said in words; the coloured mark before them is only a help. Names are shown whole in the blocks and shortened in the
header and the text.

A coloured bar would take an attachment. Slack calls attachments legacy, folds long ones behind "Show more", and shows
the `text` of a message above its attachments, where blocks of the message's own replace it: everything would be read
twice. So the mark is an emoji.
"""

from notifications.wording.notices import expired_summary, test_message
from notifications.wording.outages import (
    Outage,
    ended_message,
    failure_message,
    late_message,
    over_message,
    recovery_message,
    still_down_message,
)
from notifications.wording.storms import Shared, Storm, storm_end_message, storm_message

__all__ = [
    "Outage",
    "Shared",
    "Storm",
    "ended_message",
    "expired_summary",
    "failure_message",
    "late_message",
    "over_message",
    "recovery_message",
    "still_down_message",
    "storm_end_message",
    "storm_message",
    "test_message",
]
