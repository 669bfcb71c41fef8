"""Pages as people see them: a real browser, uvicorn and Redis, over the database of the test.

A test asks for `visit` and is marked so:

    pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

    def test_something(visit):
        page = visit("/incidents/", role="operator", width=390, dark=True, language="ko")
        page.get_by_role("button", name="...").click()
        screenshot(page, "incidents-390-dark-ko")
        assert_accessible(page)

`expect` of playwright waits for what it is told to expect; nothing sleeps. Whatever a page logs as an error fails the
test. Changes made by the test itself reach an open page as those of a worker do, over Redis.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from healthcheck.tests.stack import wait_for
from monitors.live.hub import end_all
from monitors.tests.people import person

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / ".artefacts" / "screenshots"
CHROMIUM = "/usr/bin/chromium"
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
HEIGHTS = {390: 844, 1440: 900, 2560: 1440}

Visit = Callable[..., Page]

expect.set_options(timeout=30_000)  # milliseconds: for a machine that has much else to do


class Site:
    """The web process, in a thread of its own, so that it sees the database of the test."""

    def __init__(self) -> None:
        from healthcheck.asgi import application  # noqa: PLC0415  changes a setting; only a served site needs that

        options: dict[str, Any] = {"host": "127.0.0.1", "port": 0, "lifespan": "off", "log_level": "warning"}
        self._server = uvicorn.Server(uvicorn.Config(application, timeout_graceful_shutdown=1, **options))
        self._thread = threading.Thread(target=self._server.run, name="site")

    def start(self) -> None:
        self._thread.start()
        wait_for(lambda: self._server.started, what="the site")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        self._server.should_exit = True
        end_all()
        self._thread.join(timeout=10)


@pytest.fixture(scope="module")
def browser(django_db_setup: None) -> Iterator[Browser]:
    """Debian's chromium. Playwright's loop runs in the thread of the tests, which Django has to be told to bear.

    In a thread with a loop Django has another connection, which is told which rows the migrations made.
    """
    if not Path(CHROMIUM).exists():
        if os.environ.get("CI"):
            pytest.fail(f"{CHROMIUM} is missing: install chromium (Debian)")
        pytest.skip(f"{CHROMIUM} is missing")
    rows = getattr(connections["default"], "_test_serialized_contents", None)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        if rows is not None:
            patch.setattr(connections["default"], "_test_serialized_contents", rows, raising=False)
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture
def site(transactional_db: None, redis_server: str, settings: Any) -> Iterator[Site]:
    settings.REDIS_URL = redis_server
    settings.SERVESTATIC_USE_FINDERS = True  # as in production; off for the clients of other tests
    running = Site()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Visit]:
    """Opens a page as somebody with `role` ("" = nobody; or give a `user`), in a window and a language."""
    contexts = []
    errors: list[str] = []

    def open_page(
        path: str = "/",
        *,
        role: str = "operator",
        user: User | None = None,
        width: int = 1440,
        dark: bool = False,
        language: str = "en",
        zone: str = "Asia/Seoul",
        reduced_motion: bool = True,
        lost: bool = False,
        scripts: bool = True,
    ) -> Page:
        """`lost`: the test takes the connection away, so that requests that fail are no errors. Without `scripts` the
        page runs none."""
        context = browser.new_context(
            base_url=site.url,
            viewport={"width": width, "height": HEIGHTS.get(width, 900)},
            color_scheme="dark" if dark else "light",
            locale={"en": "en-GB", "ko": "ko-KR"}[language],
            timezone_id=zone,
            reduced_motion="reduce" if reduced_motion else "no-preference",
            java_script_enabled=scripts,
        )
        contexts.append(context)
        if role or user:
            context.add_cookies([_session(user or person(role), site.url)])
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
        page.on("console", lambda message: errors.append(message.text) if _is_error(message, lost) else None)
        page.goto(path, wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


def _is_error(message: ConsoleMessage, lost: bool) -> bool:
    """What the browser calls an error and is not: a form that is refused, and answers with what to correct."""
    known = r"with a status of 4(09|13|22) " + (r"|net::ERR_" if lost else "")
    return message.type == "error" and not re.search(known, message.text)


def _session(user: User, url: str) -> Any:
    client = Client()
    client.force_login(user)
    name = django_settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value, "url": url}


def screenshot(page: Page, name: str, *, whole: bool = False) -> Path:
    """What the window shows (or the `whole` page), for somebody to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path, full_page=whole, animations="disabled", caret="initial")
    return path


def assert_accessible(page: Page) -> None:
    """axe finds nothing serious; what it finds is said with the element. Looked at from the top, where the head of the
    page, which stays when one scrolls, covers nothing."""
    page.evaluate("window.scrollTo(0, 0)")
    page.evaluate(AXE)
    found = page.evaluate("tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']})", WCAG)
    serious = [
        f"{violation['id']} ({violation['impact']}): {node['html'][:200]} — {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
    assert serious == []


def assert_no_sideways_scrolling(page: Page) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{wide} px wider than the window"
