"""What nobody answered is answered in the shape that was asked for."""

from __future__ import annotations

import pytest
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import ConnectionError as RedisConnectionError

from healthcheck import errors

ERRORS: dict[str, type[Exception]] = {
    "database": OperationalError,
    "driver": InterfaceError,
    "broker": BrokerError,
    "redis": RedisConnectionError,
    "bug": RuntimeError,
}


def fail(_: HttpRequest, kind: str) -> HttpResponse:
    raise ERRORS[kind]("10.1.2.3 and a secret")


urlpatterns = [path("api/fail/<kind>", fail), path("fail/<kind>", fail)]
handler404 = errors.not_found
handler500 = errors.server_error


@pytest.fixture
def visitor(settings) -> Client:
    settings.ROOT_URLCONF = __name__
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("kind", ["database", "driver", "broker", "redis"])
def test_an_outage_is_503_and_says_when_to_come_back(visitor, kind):
    for place in (f"/api/fail/{kind}", f"/fail/{kind}"):
        answer = visitor.get(place)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert b"secret" not in answer.content
    assert visitor.get(f"/api/fail/{kind}").json()["code"] == "unavailable"


def test_a_bug_is_500(visitor):
    assert visitor.get("/api/fail/bug").json() == {
        "code": "error",
        "detail": "This is our mistake, and it was noted.",
        "errors": [],
    }
    page = visitor.get("/fail/bug")
    assert page.status_code == 500
    assert b"secret" not in page.content


def test_an_unknown_page_is_404(visitor):
    assert visitor.get("/nothing", headers={"Accept-Language": "en"}).status_code == 404
    assert visitor.get("/api/nothing").json()["code"] == "not_found"
