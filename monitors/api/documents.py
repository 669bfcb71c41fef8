"""`/api/schema/`, `/api/docs/`, and the answer to every path that is none."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponseBase, HttpResponsePermanentRedirect
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.exceptions import NotAuthenticated, NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from monitors.permissions import AUTHENTICATED


class SchemaView(SpectacularAPIView):
    permission_classes = [IsAuthenticated]


class DocumentationView(SpectacularSwaggerView):
    """Swagger UI from our own static files. A browser without a session is sent to the login page."""

    permission_classes = [IsAuthenticated]
    url_name = "api:schema"
    metadata_class = None  # there is no template for what OPTIONS would answer

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, NotAuthenticated) and "text/html" in self.request.headers.get("Accept", ""):
            return redirect_to_login(self.request.get_full_path())
        return super().handle_exception(exc)


@extend_schema(exclude=True)
class UnknownPathView(APIView):
    """404 as JSON. Reading without the final slash is sent on; anything else is not, because it would lose its body."""

    required_permission = AUTHENTICATED

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method in ("GET", "HEAD") and not request.path.endswith("/"):
            return HttpResponsePermanentRedirect(request.get_full_path(force_append_slash=True))
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.path.endswith("/"):
            raise NotFound
        raise NotFound(_("Paths of this API end with a slash."))
