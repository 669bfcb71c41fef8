from django.urls import path

from monitors import views

app_name = "monitors"
urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("servers/<int:server_id>/", views.server, name="server"),
    path("incidents/", views.incidents, name="incidents"),
]
