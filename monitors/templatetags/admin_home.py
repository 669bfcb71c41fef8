"""The first page of the admin says what the dashboard says."""

from __future__ import annotations

from typing import Any

from django import template
from django.db.models import Q
from django.utils import timezone

from monitors import dashboard as board

register = template.Library()

MOST = 10
"""Open incidents shown."""


@register.simple_tag
def figures_of_the_dashboard() -> dict[str, Any]:
    """Sentences, pulse and open incidents, in four queries however many servers there are."""
    now = timezone.now()
    incidents = board.open_incidents(MOST)
    return {
        "now": now,
        "pulse": board.pulse(now),
        "sentences": board.sentences(board.tallies(Q(), now), now),
        "incidents": incidents[:MOST],
        "more_incidents": len(incidents) > MOST,
    }
