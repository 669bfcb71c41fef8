"""Log lines: an event, its ids, and no secret."""

from __future__ import annotations

import logging
import re

SECRETS = re.compile(
    r"(?P<token>xox[a-z]-|xapp-)[\w-]+"
    r"|(?P<hook>https?://[^\s/]+/(?:services|workflows|triggers|actions)/)[^\s\"']+"
    r"|(?P<ticket>\bticket=)[^\s&\"']+"
    r"|(?P<url>\b[a-z][a-z0-9+.-]*://)[^\s/@]+@"
)
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "data"}


def _mask(match: re.Match[str]) -> str:
    kept = match["token"] or match["hook"] or match["ticket"] or match["url"]
    return f"{kept}***" + ("@" if match["url"] else "")


def hide(text: str) -> str:
    """`text` with Slack tokens and tickets, webhook paths and passwords in URLs masked."""
    return SECRETS.sub(_mask, text)


class HideSecrets(logging.Filter):
    """Masks what slipped into a message, its arguments or a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # somebody's wrong format must not become an exception where it is logged
            message = f"{record.msg} {record.args}"
        record.msg, record.args = hide(message), ()
        return True


class LineFormatter(logging.Formatter):
    """`2026-11-22 12:00:00 INFO monitors.recording status changed server=7 from=HEALTHY to=UNHEALTHY`"""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        extra = " ".join(f"{key}={value}" for key, value in vars(record).items() if key not in STANDARD)
        first, _, rest = super().format(record).partition("\n")
        return hide("\n".join(filter(None, (f"{first} {extra}".rstrip(), rest))))
