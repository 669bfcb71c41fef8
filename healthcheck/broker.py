"""How Celery spells the address of a Redis, and whether a Redis answers."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import redis

ANSWER_SECONDS = 2


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


def answers(redis_url: str) -> bool:
    """Whether a Redis answers at `redis_url` within two seconds."""
    try:
        with redis.Redis.from_url(
            redis_url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS
        ) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
