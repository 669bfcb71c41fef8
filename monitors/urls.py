from django.urls import path

from monitors.views import dashboard, incidents, server

app_name = "monitors"
urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("servers/<int:server_id>/", server.server, name="server"),
    path("incidents/", incidents.incidents, name="incidents"),
]
