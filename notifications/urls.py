from django.urls import path

from notifications import views

app_name = "notifications"
urlpatterns = [path("channels/", views.channels, name="channels")]
