"""Probes of ourselves, where `healthcheck.alive` has not answered. None names a server, a person or a secret."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework.views import APIView

from healthcheck import metrics, readiness
from monitors.authentication import TokenAuthentication
from monitors.permissions import AUTHENTICATED


@require_safe
@never_cache
def healthz(_: HttpRequest) -> JsonResponse:
    """This process answers. Nothing else is asked: who restarts processes must not do so because a database is away."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(_: HttpRequest) -> JsonResponse:
    """The monitor does its work: 200, or 503 when a check fails. For whoever watches the watcher."""
    status, body = readiness.report(readiness.checks())
    return JsonResponse(body, status=status)


class BearerAuthentication(TokenAuthentication):
    """The same tokens by the name that Prometheus gives them."""

    keyword = "Bearer"


class Metrics(APIView):
    """For Prometheus, with a token of any user, or in the browser of whoever is logged in."""

    authentication_classes = (TokenAuthentication, BearerAuthentication, SessionAuthentication)
    required_permission = AUTHENTICATED

    @extend_schema(exclude=True)
    def get(self, _: Request) -> HttpResponse:
        return HttpResponse(metrics.render(timezone.now()), content_type=CONTENT_TYPE_PLAIN_0_0_4)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """There is one format, whatever the scraper would like best."""
        return super().perform_content_negotiation(request, force=True)
