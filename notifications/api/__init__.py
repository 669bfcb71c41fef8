"""The API of channels and messages."""

from notifications.api.channels import ChannelViewSet
from notifications.api.deliveries import DeliveryViewSet
from notifications.api.workspace import WorkspaceChannelViewSet

__all__ = ["ChannelViewSet", "DeliveryViewSet", "WorkspaceChannelViewSet"]
