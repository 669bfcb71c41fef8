from django.urls import path, re_path

from monitors.views import (
    audit,
    dashboard,
    first_visit,
    incidents,
    inventory,
    live,
    paste,
    selection,
    server,
    server_form,
)

app_name = "monitors"
urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("rows/", dashboard.rows, name="rows"),
    path("live/", live.snapshot, name="live"),
    path("servers/<int:server_id>/", server.server, name="server"),
    path("servers/<int:server_id>/edit/", server_form.edit, name="edit"),
    path("servers/<int:server_id>/delete/", server_form.delete, name="delete"),
    path("servers/new/", server_form.add, name="add"),
    path("servers/paste/", paste.paste, name="paste"),
    re_path(r"^servers/servers\.(?P<format>csv|yaml|json)$", paste.export, name="export"),
    path("servers/inventory/", inventory.inventory, name="inventory"),
    path("servers/selection/", selection.selection, name="selection"),
    path("servers/undo/", selection.undo, name="undo"),
    path("servers/all/delete/", selection.delete_all, name="delete_all"),
    path("first-steps/dismiss/", first_visit.dismiss, name="dismiss"),
    path("incidents/", incidents.incidents, name="incidents"),
    path("incidents/<int:incident_id>/", incidents.incident, name="incident"),
    path("audit/", audit.audit, name="audit"),
    path("audit/audit.csv", audit.export, name="audit_export"),
]
