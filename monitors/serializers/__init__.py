from monitors.serializers.audit import AuditEntrySerializer
from monitors.serializers.history import IncidentSerializer, StatusSerializer, TransitionSerializer
from monitors.serializers.operation import (
    InventoryRunSerializer,
    IssuedTokenSerializer,
    PolicySerializer,
    SynchronisationSerializer,
    TokenSerializer,
)
from monitors.serializers.server import (
    BulkCreatedSerializer,
    DeletedSerializer,
    NotificationSerializer,
    OutcomeSerializer,
    ServerSerializer,
)

__all__ = [
    "AuditEntrySerializer",
    "BulkCreatedSerializer",
    "DeletedSerializer",
    "IncidentSerializer",
    "InventoryRunSerializer",
    "IssuedTokenSerializer",
    "NotificationSerializer",
    "OutcomeSerializer",
    "PolicySerializer",
    "ServerSerializer",
    "StatusSerializer",
    "SynchronisationSerializer",
    "TokenSerializer",
    "TransitionSerializer",
]
