"""The API of channels and messages."""

from notifications.api.channels import ChannelKindsView, ChannelViewSet
from notifications.api.deliveries import DeliveryViewSet
from notifications.api.workspace import WorkspaceChannelViewSet

__all__ = ["ChannelKindsView", "ChannelViewSet", "DeliveryViewSet", "WorkspaceChannelViewSet"]
