from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.decorators.http import require_http_methods
from django.views.generic import RedirectView

from healthcheck import views
from monitors.views import account

log_in = require_http_methods(["GET", "HEAD", "POST"])(LoginView.as_view(redirect_authenticated_user=True))
urlpatterns = [
    path("", include("monitors.urls")),
    path("", include("notifications.urls")),
    path("account/", include("monitors.account_urls")),
    # one page to change a password, with one limit
    path("admin/password_change/", RedirectView.as_view(pattern_name="account:password")),
    path("admin/", admin.site.urls),
    path("api/", include("healthcheck.api_urls")),
    path("login/", log_in, name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("language/setlang/", account.set_language, name="set_language"),
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("metrics", views.Metrics.as_view()),
]
handler400 = "healthcheck.errors.bad_request"
handler403 = "healthcheck.errors.permission_denied"
handler404 = "healthcheck.errors.not_found"
handler500 = "healthcheck.errors.server_error"
