"""What the dashboard says: a sentence for each environment, open incidents, and the servers that were asked for."""

from monitors.dashboard.listing import PAGE_SIZE, Listing, ids, listing, rows
from monitors.dashboard.narrowing import ENVIRONMENTS, PageFilter, ServerFilter, matching
from monitors.dashboard.pulse import Pulse, pulse
from monitors.dashboard.sentences import Sentence, Tally, down, open_incidents, sentences, tallies

__all__ = [
    "ENVIRONMENTS",
    "PAGE_SIZE",
    "Listing",
    "PageFilter",
    "Pulse",
    "Sentence",
    "ServerFilter",
    "Tally",
    "down",
    "ids",
    "listing",
    "matching",
    "open_incidents",
    "pulse",
    "rows",
    "sentences",
    "tallies",
]
