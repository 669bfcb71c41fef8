from monitors.api.audit import AuditViewSet
from monitors.api.documents import DocumentationView, SchemaView, UnknownPathView
from monitors.api.events import EventsView
from monitors.api.history import IncidentViewSet, StatusViewSet, TransitionViewSet
from monitors.api.inventory import InventoryView
from monitors.api.kinds import KindViewSet
from monitors.api.policies import PolicyViewSet
from monitors.api.servers import ServerViewSet
from monitors.api.tokens import TokenViewSet

__all__ = [
    "AuditViewSet",
    "DocumentationView",
    "EventsView",
    "IncidentViewSet",
    "InventoryView",
    "KindViewSet",
    "PolicyViewSet",
    "SchemaView",
    "ServerViewSet",
    "StatusViewSet",
    "TokenViewSet",
    "TransitionViewSet",
    "UnknownPathView",
]
