from monitors.models.access import ApiToken, LogInFailures, Profile
from monitors.models.audit import Act, AuditEntry, Face, Subject
from monitors.models.history import PastOutcome, Rollup, UnknownTime
from monitors.models.operation import Gap, Heartbeat, InventoryRun
from monitors.models.server import Environment, Policy, Server
from monitors.models.status import (
    Incident,
    IncidentNote,
    LastFailure,
    Outage,
    Reason,
    ServerStatus,
    StatusTransition,
)

__all__ = [
    "Act",
    "ApiToken",
    "AuditEntry",
    "Environment",
    "Face",
    "Gap",
    "Heartbeat",
    "Incident",
    "IncidentNote",
    "InventoryRun",
    "LastFailure",
    "LogInFailures",
    "Outage",
    "PastOutcome",
    "Policy",
    "Profile",
    "Reason",
    "Rollup",
    "Server",
    "ServerStatus",
    "StatusTransition",
    "Subject",
    "UnknownTime",
]
