from __future__ import annotations

import logging

import pytest
from redis.exceptions import OutOfMemoryError, ReadOnlyError

from healthcheck.logs import CALM_SECONDS, QUIET_SECONDS, BrokerErrors, CollapseBrokerErrors, LineFormatter, hide

HIDDEN = {
    "bot token": ("token xoxb-1-secret", "token xoxb-***"),
    "app token": ("xapp-1-A1-secret.", "xapp-***."),
    "webhook": ("https://hooks.slack.com/services/T1/B1/secret failed", "https://hooks.slack.com/services/*** failed"),
    "response URL": ("https://hooks.slack.com/actions/T1/1/secret", "https://hooks.slack.com/actions/***"),
    "socket": ("wss://w.slack.com/link/?ticket=secret&app_id=1", "wss://w.slack.com/link/?ticket=***&app_id=1"),
    "password": ("mysql://monitor:secret@host/db", "mysql://***@host/db"),
}


@pytest.mark.parametrize(("text", "shown"), HIDDEN.values(), ids=HIDDEN)
def test_a_secret_is_masked(text, shown):
    assert hide(text) == shown


def test_everything_else_is_left():
    assert hide("https://shop.example.com/actions of 7") == "https://shop.example.com/actions of 7"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def errors(clock) -> BrokerErrors:
    return BrokerErrors(clock)


def record_of(error: BaseException | None, message: str = "not sent", *args: object, level: int = logging.ERROR):
    carried = (type(error), error, None) if error else None
    return logging.LogRecord("some.logger", level, "file", 1, message, args, carried)


def lines(errors: BrokerErrors, *records: logging.LogRecord) -> list[str]:
    """What is written of them."""
    collapse = CollapseBrokerErrors(errors)
    return [LineFormatter().format(record).split(" some.logger ")[1] for record in records if collapse.filter(record)]


FULL = OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")
READ_ONLY = ReadOnlyError("You can't write against a read only replica.")


def raised_from(cause: Exception) -> Exception:
    """As Celery wraps what Redis said."""
    try:
        try:
            raise cause
        except Exception as error:
            raise RuntimeError("cannot be sent") from error
    except RuntimeError as wrapped:
        return wrapped


def test_the_same_error_of_the_broker_is_one_line_a_minute(errors, clock):
    assert lines(errors, *(record_of(FULL) for _ in range(1000))) == [f"not sent: {FULL} broker=out_of_memory"]
    clock.now += QUIET_SECONDS
    assert lines(errors, record_of(FULL)) == [f"not sent: {FULL} broker=out_of_memory suppressed=999"]


def test_another_kind_of_error_is_another_line(errors):
    assert len(lines(errors, record_of(FULL), record_of(READ_ONLY), record_of(FULL), record_of(READ_ONLY))) == 2


CARRIED = {
    "as the exception": record_of(READ_ONLY),
    "as the cause of another": record_of(raised_from(READ_ONLY)),
    "among the arguments": record_of(None, "Message Error: %s\n%s", READ_ONLY, ["a stack"]),
}


@pytest.mark.parametrize("record", CARRIED.values(), ids=CARRIED)
def test_an_error_of_the_broker_is_one_line_without_a_traceback(errors, record):
    (line,) = lines(errors, record)
    assert "\n" not in line
    assert line.endswith("broker=read_only")
    assert str(READ_ONLY) in line


UNTOUCHED = {
    "an error of ours": record_of(ValueError("of ours")),
    "no error": record_of(None),
    "a process that gives up": record_of(FULL, level=logging.CRITICAL),
}


@pytest.mark.parametrize("record", UNTOUCHED.values(), ids=UNTOUCHED)
def test_everything_else_is_written_every_time(errors, record):
    assert len(lines(errors, record, record, record)) == 3


def test_a_broker_that_works_again_is_said_once(errors, clock, caplog):
    errors.worked()
    lines(errors, *(record_of(FULL) for _ in range(30)))
    clock.now += CALM_SECONDS / 2
    errors.worked()  # one success among failures
    lines(errors, record_of(FULL))
    assert caplog.messages == []
    clock.now += CALM_SECONDS
    errors.worked()
    errors.worked()
    assert caplog.messages == ["the broker works again"]
    (said,) = caplog.records
    assert (said.failed_for_seconds, said.suppressed) == (2, 30)


def test_a_broker_that_comes_and_goes_is_a_line_a_minute_each_way(errors, clock):
    written = 0
    for _ in range(60):  # ten minutes
        written += len(lines(errors, record_of(FULL)))
        clock.now += CALM_SECONDS
        errors.worked()
        clock.now += CALM_SECONDS
    assert written == 10
