"""Every page obeys the policy that is sent with it: the browser refuses nothing of what is in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.urls import URLPattern, get_resolver, reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from monitors.models import ApiToken, Incident
from monitors.tests.builders import SECOND, see, server
from monitors.tests.fleet import fleet

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WATCH = """addEventListener("securitypolicyviolation", event =>
    console.error(`refused: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`))"""
NO_PAGES = {"/live/", "/first-steps/dismiss/", "/servers/selection/", "/servers/undo/", "/audit/audit.csv"}
"""What scripts ask for, what is only posted to, and a file."""


ACCOUNT = ("/account/", "/account/password/", "/account/people/new/")


class Watched:
    """Another page of the same visitor, which notes what the browser refuses. It may go to pages that are missing."""

    def __init__(self, beside: Page) -> None:
        self.refused: list[str] = []
        self.page = beside.context.new_page()
        self.page.add_init_script(WATCH)
        self.page.on("pageerror", lambda error: self.refused.append(f"{self.page.url}: {error}"))
        self.page.on("console", self._note)

    def _note(self, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.refused.append(f"{self.page.url}: {message.text}")

    def goes_to(self, paths: Iterable[str]) -> None:
        for path in paths:
            self.page.goto(path, wait_until="networkidle")


def without_parameters(namespace: str) -> list[str]:
    """Every page below a namespace that has none."""
    patterns = get_resolver().namespace_dict[namespace][1].url_patterns
    plain = [one for one in patterns if isinstance(one, URLPattern) and not one.pattern.regex.groups]
    return [path for one in plain if (path := reverse(f"{namespace}:{one.name}")) not in NO_PAGES]


def test_nothing_of_our_pages_is_refused(visit):
    fleet(30, timezone.now())
    target = server(host_name="down")
    see(target, "+--", start=timezone.now() - 60 * SECOND)
    one, incident = f"/servers/{target.pk}/", Incident.objects.latest("pk")
    paths = ["/login/", "/nothing", "/servers/0/", one, f"{one}edit/", f"{one}delete/", f"/incidents/{incident.pk}/"]
    watched = Watched(visit("/login/", role="admin"))
    # A page that is open to events is never idle.
    for path in (*paths, *without_parameters("monitors"), *without_parameters("notifications"), *ACCOUNT):
        watched.page.goto(path, wait_until="load")
        assert watched.page.locator("h1, table").count()
    assert watched.refused == []


def test_nothing_of_a_page_for_those_who_may_not_see_it_is_refused(visit):
    watched = Watched(visit("/login/", role="viewer"))
    watched.page.goto("/servers/new/", wait_until="load")
    expect(watched.page.locator("h1")).to_have_text("You may not do this.")
    ground = watched.page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
    assert ground != "rgba(0, 0, 0, 0)", "without its style sheet"
    assert watched.refused == []


def test_nothing_of_the_admin_is_refused(visit):
    root = User.objects.create_superuser("root")
    ApiToken.objects.issue(root)
    fleet(30, timezone.now())
    watched = Watched(visit("/admin/", user=root))
    watched.goes_to(["/admin/", "/admin/password_change/", f"/admin/auth/user/{root.pk}/password/"])
    for model in admin.site._registry:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        watched.goes_to([base, f"{base}add/"])
        if first := model._default_manager.first():
            watched.goes_to([f"{base}{first.pk}/change/", f"{base}{first.pk}/history/", f"{base}{first.pk}/delete/"])
    assert watched.refused == []


def test_nothing_of_the_pages_of_the_api_is_refused(visit):
    fleet(3, timezone.now())
    watched = Watched(visit("/login/", role="admin"))
    watched.goes_to(["/api/", "/api/servers/", "/api/nonesuch/", "/api/docs/"])
    operation = watched.page.locator(".opblock-get").first
    operation.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".response").first).to_be_visible()
    assert watched.refused == []
