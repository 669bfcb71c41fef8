"""How to change something of one's own account, and of log-ins: see `writes`."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.tokens import default_token_generator
from django.test import Client
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from healthcheck.tests.writes import Scenario, World
from monitors.models import LogInFailures, Profile

OLD, NEW = "old-enough-4711", "long-enough-4711"


def path_of_link(user: User) -> str:
    key = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("account:set_password", args=[key, default_token_generator.make_token(user)])


def fail(client: Any, name: str) -> None:
    """To log in."""
    client.post("/login/", {"username": name, "password": "wrong"})


def keys_of_failures() -> list[int]:
    return list(LogInFailures.objects.values_list("pk", flat=True))


def failed(world: World) -> list[int]:
    fail(Client(), "root")
    return keys_of_failures()


def changed_password(world: World) -> Any:
    world.root.set_password(OLD)
    world.root.save()
    world.page.force_login(world.root)
    return world.page.post("/account/password/", {"old_password": OLD, "new_password1": NEW, "new_password2": NEW})


def set_by_link(world: World) -> Any:
    there = world.page.get(path_of_link(world.user()))["Location"]
    return world.page.post(there, {"new_password1": NEW, "new_password2": NEW})


def logged_out_elsewhere(world: World) -> Any:
    Client().force_login(world.root)
    return world.page.post("/account/sessions/end/")


def switched_language(world: World) -> Any:
    Profile.objects.create(user=world.root, language="en")
    world.page.force_login(world.root)
    return world.page.post("/language/setlang/", {"language": "ko"})


ACCOUNT: dict[str, Scenario] = {
    "page account:account": (
        lambda w: w.page.post("/account/", {"first_name": "Kim", "last_name": "", "language": "", "time_zone": ""}),
        "changed user root",
    ),
    "page account:password": (changed_password, "changed user root"),
    "page account:end_others": (logged_out_elsewhere, "changed user root"),
    "page account:add_token": (lambda w: w.page.post("/account/tokens/", {"name": "script"}), "created token"),
    "page account:delete_token": (
        lambda w: w.page.post(f"/account/tokens/{w.token().pk}/delete/"),
        "deleted token",
    ),
    "page account:share": (
        lambda w: w.page.post("/account/people/new/", {"name": "lee", "role": Group.objects.get(name="viewer").pk}),
        "created user lee",
    ),
    "page account:set_password": (set_by_link, "changed user kim"),
    "page set_language": (switched_language, "changed user root"),
}
