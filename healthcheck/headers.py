"""What browsers may do with our answers: what runs in a page, who frames it, and who keeps a copy."""

from __future__ import annotations

from typing import Any

from csp.constants import NONCE, NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
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
    "img-src": [SELF, "data:"],  # the icon that counts what is down is drawn by the page
    "connect-src": [SELF],
    "font-src": [SELF],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
    "base-uri": [NONE],
}
POLICIES: dict[str, dict[str, Any]] = {
    # Alpine.js, which moves the admin, makes functions of the texts of attributes, and styles of others.
    "/admin/": {**OUR_PAGES, "style-src": [SELF, UNSAFE_INLINE], "script-src": [SELF, UNSAFE_EVAL]},
    "/api/docs/": {**OUR_PAGES, "script-src": [SELF, NONCE], "style-src": [SELF, NONCE]},
    "/api/": {**OUR_PAGES, "style-src": [SELF, UNSAFE_INLINE]},  # the pages on which people browse it
    "": OUR_PAGES,
}
"""By how a path begins; the first that fits."""


class Headers(CSPMiddleware):
    """Adds what holds for every answer. Those without a rule for caches are for one reader alone, and for once: nearly
    all of them needed a log-in."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response = super().process_response(request, response)
        if "Cache-Control" not in response:
            patch_cache_control(response, no_store=True)
        patch_cache_control(response, private=True)
        response["Permissions-Policy"] = PERMISSIONS
        response["Cross-Origin-Opener-Policy"] = "same-origin"
        response["X-Content-Type-Options"] = "nosniff"
        return response

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if not report_only:
            parts.config = next(policy for prefix, policy in POLICIES.items() if request.path.startswith(prefix))
        return parts
