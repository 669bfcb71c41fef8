"""Who asks, in tests of the API and of pages."""

from __future__ import annotations

from itertools import count

from django.contrib.auth.models import Group, User
from django.test import Client
from rest_framework.test import APIClient

from monitors.models import ApiToken

_numbers = count(1)


def person(role: str = "", **columns: object) -> User:
    """A user with the rights of `role`: viewer, operator, admin, or none."""
    user = User.objects.create(username=f"{role or 'nobody'}-{next(_numbers)}", **columns)
    if role:
        user.groups.add(Group.objects.get(name=role))
    return user


def client_of(role: str = "", **columns: object) -> APIClient:
    """A client with a token of a new person with `role`."""
    _token, text = ApiToken.objects.issue(person(role, **columns))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    return client


def visitor(role: str = "", **columns: object) -> Client:
    """A browser in which a new person with `role` is logged in."""
    client = Client()
    client.force_login(person(role, **columns))
    return client
