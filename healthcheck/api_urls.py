"""Every path under `/api/`. A set of views of any app is one line in the router, so that `/api/` lists them all."""

from django.urls import include, path, re_path
from rest_framework.routers import DefaultRouter

from monitors import api as monitoring
from notifications import api as telling

app_name = "api"

router = DefaultRouter()
router.include_format_suffixes = False
router.register("servers", monitoring.ServerViewSet, "server")
router.register("kinds", monitoring.KindViewSet, "kind")
router.register("status", monitoring.StatusViewSet, "status")
router.register("transitions", monitoring.TransitionViewSet, "transition")
router.register("incidents", monitoring.IncidentViewSet, "incident")
router.register("channels", telling.ChannelViewSet, "channel")
router.register("slack/channels", telling.WorkspaceChannelViewSet, "slack-channel")
router.register("deliveries", telling.DeliveryViewSet, "delivery")
router.register("policies", monitoring.PolicyViewSet, "policy")
router.register("tokens", monitoring.TokenViewSet, "token")
router.register("audit", monitoring.AuditViewSet, "audit")

urlpatterns = [
    path("", include(router.urls)),
    path("channel-kinds/", telling.ChannelKindsView.as_view(), name="channel-kinds"),
    path("events/", monitoring.EventsView.as_view(), name="events"),
    path("inventory/sync/", monitoring.InventoryView.as_view(), name="inventory-sync"),
    path("schema/", monitoring.SchemaView.as_view(), name="schema"),
    path("docs/", monitoring.DocumentationView.as_view(), name="docs"),
    re_path(r"", monitoring.UnknownPathView.as_view(), name="unknown"),  # stays last
]
