"""How Celery spells the address of a Redis, and whether a Redis does what it is asked."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import redis
from redis import exceptions

ANSWER_SECONDS = 2
PROBE_KEY = "shm:ready"
"""What we write to see whether it can be written."""
PROBE_SECONDS = 60
PROBLEMS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (  # the first that fits counts
    ((exceptions.BusyLoadingError,), "loading"),
    ((exceptions.ReadOnlyError,), "read_only"),
    ((exceptions.OutOfMemoryError,), "out_of_memory"),
    (
        (exceptions.AuthenticationError, exceptions.AuthorizationError, exceptions.NoPermissionError),
        "access_denied",
    ),
    ((exceptions.ConnectionError, exceptions.TimeoutError), "unreachable"),
    ((exceptions.RedisError,), "refuses_commands"),
)
"""Kinds of errors of the broker, in a word each."""


def celery_broker_url(redis_url: str) -> str:
    """Celery's spelling of redis-py's `redis://`, `rediss://` or `unix://[user:password@]/path?db=0`."""
    parts = urlsplit(redis_url)
    if parts.scheme == "rediss" and "ssl_cert_reqs" not in parse_qs(parts.query):
        return f"{redis_url}{'&' if parts.query else '?'}ssl_cert_reqs=required"  # Celery's default is not to verify
    if parts.scheme != "unix":
        return redis_url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    credentials = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return f"redis+socket://{credentials}{parts.path}?virtual_host={database}"


def problem(redis_url: str, *, writing: bool = True) -> str:
    """What keeps a Redis from being used, one of PROBLEMS, found out within some seconds; empty when nothing does.

    One that can be read and not written is of no use to a queue: without `writing` that is not looked at.
    """
    try:
        with redis.Redis.from_url(
            redis_url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS
        ) as client:
            client.ping()
            if writing:
                client.set(PROBE_KEY, 1, ex=PROBE_SECONDS)
    except redis.RedisError as error:
        return problem_of(error)
    return ""


def problem_of(error: BaseException) -> str:
    """The kind of an error of the broker, one of PROBLEMS; empty for any other error."""
    return next((name for kinds, name in PROBLEMS if isinstance(error, kinds)), "")


def answers(redis_url: str) -> bool:
    """Whether a Redis answers at `redis_url` within two seconds."""
    return not problem(redis_url, writing=False)
