"""What the tests of all parts share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.db.backends.mysql.features import DatabaseFeatures
from django.utils import translation
from hypothesis import HealthCheck, settings

from healthcheck.tests.length import AT_LENGTH
from healthcheck.tests.mariadb import MissingError, PrivateMariaDB, private_mariadb
from healthcheck.tests.private_redis import private_redis

pytest_plugins = ["healthcheck.tests.browser"]

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile(
    "any machine",
    deadline=None,
    max_examples=1_000 if AT_LENGTH else 25,
    derandomize=not AT_LENGTH,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("any machine")

# MySQL cannot return rows from an insert and MariaDB can. Tested is what both can do.
DatabaseFeatures.can_return_columns_from_insert = False  # type: ignore[assignment]
DatabaseFeatures.can_return_rows_from_bulk_insert = False  # type: ignore[assignment]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test with real transactions empties every table afterwards; the next one finds roles and policies again."""
    for item in items:
        marker = item.get_closest_marker("django_db")
        if marker and marker.kwargs.get("transaction"):
            kept = pytest.mark.django_db(**{**marker.kwargs, "serialized_rollback": True})
            item.add_marker(kept, append=False)


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """A request leaves its language behind in its thread; no test finds that of the one before."""
    with translation.override("en"):
        yield


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The REDIS_URL of a Redis of this session's own. Empty it when you begin."""
    with private_redis() as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[PrivateMariaDB]:
    """A MariaDB of this session's own. Skips where there is none, but fails in CI."""
    try:
        with private_mariadb() as server:
            yield server
    except MissingError as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))
