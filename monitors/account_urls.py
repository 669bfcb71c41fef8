from django.urls import path

from monitors.views import account, people

app_name = "account"
urlpatterns = [
    path("", account.account, name="account"),
    path("password/", account.password, name="password"),
    path("sessions/end/", account.end_others, name="end_others"),
    path("tokens/", account.add_token, name="add_token"),
    path("tokens/<int:token_id>/delete/", account.delete_token, name="delete_token"),
    path("people/new/", people.new, name="share"),
    path("set-password/<uidb64>/<token>/", account.SetPassword.as_view(), name="set_password"),
]
