"""What every request is given."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from monitors import audit
from monitors.models import Face

FACES = {"/api/": Face.API, "/admin/": Face.ADMIN}
"""By the beginning of the path; the others are pages."""


class Audited(MiddlewareMixin):
    """What a request changes is written to the audit log as done by its user, from its address."""

    def process_request(self, request: HttpRequest) -> None:
        face = next((face for path, face in FACES.items() if request.path.startswith(path)), Face.PAGE)
        address = str(request.META.get("REMOTE_ADDR", ""))
        audit.set_origin(audit.Origin(face, address, user=lambda: getattr(request, "user", None)))

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        audit.set_origin(None)
        return response
