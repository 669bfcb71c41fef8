"""Log lines: an event, its ids, and no secret; and no thousand of them while the broker is away."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator

from healthcheck.broker import problem_of

logger = logging.getLogger(__name__)

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
        record.msg, record.args = hide(_message(record)), ()
        return True


QUIET_SECONDS = 60.0
"""Between two lines about the same kind of error of the broker."""
CALM_SECONDS = 5.0
"""Without an error of the broker before it is called well again: ticks, which fail first, come every second."""


class BrokerErrors:
    """What this process met of its broker's errors: at most one line a minute of each kind, and one when it is over."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._said_at: dict[str, float] = {}
        self._suppressed: dict[str, int] = {}
        self._began_at: float | None = None
        """When the errors began that are not over yet."""
        self._latest_at = 0.0

    def met(self, kind: str) -> int | None:
        """One more error of this kind. How many were suppressed since the last line about it; None to suppress this one
        as well."""
        with self._lock:
            now = self._latest_at = self._clock()
            said_at = self._said_at.get(kind)
            if said_at is not None and now - said_at < QUIET_SECONDS:
                self._suppressed[kind] = self._suppressed.get(kind, 0) + 1
                return None
            if self._began_at is None:
                self._began_at = now
            self._said_at[kind] = now
            return self._suppressed.pop(kind, 0)

    def worked(self) -> None:
        """The broker did what it was asked. Costs next to nothing while nothing is wrong."""
        if self._began_at is None:
            return
        with self._lock:
            now = self._clock()
            if self._began_at is None or now - self._latest_at < CALM_SECONDS:
                return
            seconds, self._began_at = round(self._latest_at - self._began_at), None
            suppressed = sum(self._suppressed.values())
            self._suppressed.clear()
        logger.warning("the broker works again", extra={"failed_for_seconds": seconds, "suppressed": suppressed})


broker_errors = BrokerErrors()
"""Those of this process."""


class CollapseBrokerErrors(logging.Filter):
    """Lets one line a minute pass for each kind of error of the broker, without its traceback: what Redis said is all
    that there is to know. Whoever logs such an error passes it on, as `exc_info` or among the arguments."""

    def __init__(self, errors: BrokerErrors = broker_errors) -> None:
        super().__init__()
        self._errors = errors

    def filter(self, record: logging.LogRecord) -> bool:
        found = next(((error, kind) for error in _errors_of(record) if (kind := problem_of(error))), None)
        if found is None or record.levelno >= logging.CRITICAL:  # a process that gives up says so in any case
            return True
        error, kind = found
        suppressed = self._errors.met(kind)
        if suppressed is None:
            return False
        event = _message(record).partition("\n")[0]
        record.msg, record.args = (event if str(error) in event else f"{event}: {error}"), ()
        record.exc_info = record.exc_text = record.stack_info = None
        record.broker = kind
        if suppressed:
            record.suppressed = suppressed
        return True


def _errors_of(record: logging.LogRecord) -> Iterator[BaseException]:
    """The exceptions that a record carries, and those which they were raised from."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    carried = [argument for argument in arguments if isinstance(argument, BaseException)]
    if record.exc_info and record.exc_info[1]:
        carried.append(record.exc_info[1])
    for error in carried:
        seen: BaseException | None = error
        while seen is not None:
            yield seen
            seen = seen.__cause__ or seen.__context__


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # somebody's wrong format must not become an exception where it is logged
        return f"{record.msg} {record.args}"


class LineFormatter(logging.Formatter):
    """`2026-11-22 12:00:00 INFO monitors.recording status changed server=7 from=HEALTHY to=UNHEALTHY`"""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        extra = " ".join(f"{key}={value}" for key, value in vars(record).items() if key not in STANDARD)
        first, _, rest = super().format(record).partition("\n")
        return hide("\n".join(filter(None, (f"{first} {extra}".rstrip(), rest))))
