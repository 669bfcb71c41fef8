from django.urls import path, re_path

from notifications.views import channels, forms

app_name = "notifications"
urlpatterns = [
    path("channels/", channels.channels, name="channels"),
    path("channels/add/", forms.add, name="add"),
    path("channels/new/", forms.create, name="create"),
    path("channels/settings/", forms.edit, name="settings"),
    re_path(r"^channels/(?P<slack_id>[A-Z0-9]{1,32})/rename/$", forms.rename, name="rename"),
    re_path(r"^channels/(?P<slack_id>[A-Z0-9]{1,32})/archive/$", forms.archive, name="archive"),
]
