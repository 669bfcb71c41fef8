from monitors.models.access import ApiToken, LogInFailures, Profile
from monitors.models.history import PastOutcome, Rollup
from monitors.models.operation import Gap, Heartbeat, InventoryRun
from monitors.models.server import Environment, Policy, Server, ServerType
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
    "ApiToken",
    "Environment",
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
    "ServerType",
    "StatusTransition",
]
