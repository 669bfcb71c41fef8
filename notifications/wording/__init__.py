"""Incidents, storms, tests and presses as notices, in the active language: plain facts in, notices out. No markup, no
models, no database, no network. The state is said in words. Names are whole in the facts and shortened in the title and
the line.
"""

from notifications.wording.notices import expired_notice, test_notice
from notifications.wording.outages import (
    Outage,
    ended_notice,
    failure_notice,
    late_notice,
    over_notice,
    recovery_notice,
    still_down_notice,
)
from notifications.wording.parts import repeated
from notifications.wording.storms import Shared, Storm, storm_end_notice, storm_notice

__all__ = [
    "Outage",
    "Shared",
    "Storm",
    "ended_notice",
    "expired_notice",
    "failure_notice",
    "late_notice",
    "over_notice",
    "recovery_notice",
    "repeated",
    "still_down_notice",
    "storm_end_notice",
    "storm_notice",
    "test_notice",
]
