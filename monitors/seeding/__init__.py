"""Servers from a file: read it, compare it with what is stored, write what differs."""

from monitors.fields import MASK
from monitors.seeding.planning import Action, Entry, Stored, names_of, plan
from monitors.seeding.proposing import Proposal, carry_out, propose
from monitors.seeding.reading import SUFFIXES, Format, read
from monitors.seeding.rows import MAX_BYTES, Problem, Row, SeedError, printable
from monitors.seeding.values import typed
from monitors.seeding.writing import write
from monitors.settings_table import KEYS

__all__ = [
    "KEYS",
    "MASK",
    "MAX_BYTES",
    "SUFFIXES",
    "Action",
    "Entry",
    "Format",
    "Problem",
    "Proposal",
    "Row",
    "SeedError",
    "Stored",
    "carry_out",
    "names_of",
    "plan",
    "printable",
    "propose",
    "read",
    "typed",
    "write",
]
