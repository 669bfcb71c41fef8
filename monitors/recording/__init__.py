"""The only writer of a status: `outcomes` stores what probes found, `changes` what people do to servers; `incidents`,
`people`, `policies` and `tokens` what they do about those."""

from monitors.recording.changes import (
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
from monitors.recording.incidents import acknowledge, add_note
from monitors.recording.outcomes import record
from monitors.recording.people import (
    add_person,
    add_superuser,
    log_out_elsewhere,
    note_link,
    set_password,
    set_preferences,
)
from monitors.recording.policies import change_policy
from monitors.recording.tokens import delete_tokens, issue_token

__all__ = [
    "acknowledge",
    "add_note",
    "add_person",
    "add_superuser",
    "change_policy",
    "create",
    "delete",
    "delete_tokens",
    "ensure_statuses",
    "issue_token",
    "log_out_elsewhere",
    "note_link",
    "pause",
    "reap_orphans",
    "record",
    "resume",
    "save",
    "save_all",
    "set_notification",
    "set_password",
    "set_preferences",
]
