"""What browsers may do with our answers: what runs in a page, who frames it, and who keeps a copy."""

from __future__ import annotations

from typing import Any

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control

PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "serial", "usb")
)
OUR_PAGES = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "img-src": [SELF],
    "connect-src": [SELF],
    "font-src": [SELF],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
    "base-uri": [NONE],
}
IMAGES_AND_STYLES = {"img-src": [SELF, "data:"], "style-src": [SELF, UNSAFE_INLINE]}
POLICIES: dict[str, dict[str, Any]] = {
    "/admin/": {**OUR_PAGES, **IMAGES_AND_STYLES, "script-src": [SELF, UNSAFE_EVAL]},
    "/api/": {**OUR_PAGES, **IMAGES_AND_STYLES},
    "": OUR_PAGES,
}
"""By how a path begins. The pages of the admin set styles of elements, and its Alpine.js makes functions of the texts
of attributes; Swagger UI and the pages of the framework set styles, and draw with `data:`."""


class Headers(CSPMiddleware):
    """Adds what holds for every answer. Those without a rule for caches are for one reader alone, and for once: nearly
    all of them needed a log-in."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response = super().process_response(request, response)
        if "Cache-Control" not in response:
            patch_cache_control(response, no_store=True)
        patch_cache_control(response, private=True)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if not report_only:
            parts.config = next(policy for prefix, policy in POLICIES.items() if request.path.startswith(prefix))
        return parts
