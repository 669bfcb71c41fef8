"""The only writer of a status: `outcomes` stores what probes found, `changes` what people do."""

from monitors.recording.changes import (
    acknowledge,
    create,
    delete,
    ensure_statuses,
    pause,
    reap_orphans,
    resume,
    save,
    save_all,
    set_notification,
)
from monitors.recording.outcomes import record

__all__ = [
    "acknowledge",
    "create",
    "delete",
    "ensure_statuses",
    "pause",
    "reap_orphans",
    "record",
    "resume",
    "save",
    "save_all",
    "set_notification",
]
