"""`python -m healthcheck.selfcheck ADDRESS [CHECK ...]`: for the health checks of containers.

Ends with 0 when the web process at ADDRESS answers and calls every CHECK of `/readyz` ok, with 1 and a reason if not.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 8


def ask(address: str, path: str) -> tuple[int, bytes]:
    """Status and body. The request is made as if for SITE_URL, whose name is always allowed."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    host = urlsplit(os.environ.get("SITE_URL", address)).netloc
    try:
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def problem(address: str, names: list[str]) -> str:
    """What is wrong, or nothing."""
    try:
        status, body = ask(address, "/readyz" if names else "/healthz")
    except (OSError, http.client.HTTPException) as error:
        return f"{address} does not answer: {error}"
    if not names:
        return "" if status == http.HTTPStatus.OK else f"{address} answers {status}"
    try:
        checks = json.loads(body)["checks"]
    except (ValueError, KeyError):
        return f"{address} answers {status}"
    return ", ".join(f"{name} is not ok" for name in names if not checks.get(name, {}).get("ok"))


def main() -> int:
    address, *names = sys.argv[1:]
    if found := problem(address, names):
        print(found, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
