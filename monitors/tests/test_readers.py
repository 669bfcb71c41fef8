"""A stream of events ends with the right to read it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from monitors.live import hub as hubs
from monitors.live.hub import Hub, Stream
from monitors.live.readers import RIGHTS, Reader, still_valid
from monitors.models import ApiToken
from monitors.tests.people import client_of, person

PATIENCE_SECONDS = 30


def reader_with_token(user: User) -> Reader:
    token, _text = ApiToken.objects.issue(user)
    return Reader.of(_request(user, auth=token))


def reader_with_session(user: User) -> Reader:
    client = Client()
    client.force_login(user)
    return Reader.of(_request(user, session=client.session))


def _request(user: User, auth: ApiToken | None = None, session: object = None) -> Request:
    request = Request(APIRequestFactory().get("/api/events/"))
    request.user, request.auth = user, auth
    request._request.session = session  # type: ignore[assignment]
    return request


def lose_token(user: User) -> None:
    ApiToken.objects.filter(user=user).delete()


def log_out(user: User) -> None:
    Session.objects.all().delete()


def outlive_session(user: User) -> None:
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))


def outlive_token(user: User) -> None:
    ApiToken.objects.filter(user=user).update(expires_at=timezone.now() - timedelta(seconds=1))


def change_password(user: User) -> None:
    user.set_password("another one")
    user.save()


def deactivate(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def delete(user: User) -> None:
    user.delete()


def lose_role(user: User) -> None:
    user.groups.clear()


def change_role(user: User) -> None:
    user.groups.set([Group.objects.get(name="viewer")])


def nothing(user: User) -> None:
    pass


def use(user: User) -> None:
    ApiToken.objects.update(last_used_at=timezone.now())
    User.objects.update(last_login=timezone.now())


ENDS = {
    "its token is deleted": (reader_with_token, lose_token),
    "it is logged out": (reader_with_session, log_out),
    "its token expires": (reader_with_token, outlive_token),
    "its session expires": (reader_with_session, outlive_session),
    "the password of its session's user changes": (reader_with_session, change_password),
    "its user is deactivated, with a token": (reader_with_token, deactivate),
    "its user is deactivated, with a session": (reader_with_session, deactivate),
    "its user is deleted": (reader_with_token, delete),
    "its user loses the role": (reader_with_session, lose_role),
    "its user may do less than what it shows": (reader_with_token, change_role),
}
GOES_ON = {
    "nothing happens, with a token": (reader_with_token, nothing),
    "nothing happens, with a session": (reader_with_session, nothing),
    "the user of its token changes the password": (reader_with_token, change_password),
    "others are logged out": (reader_with_token, log_out),
    "it is used": (reader_with_token, use),
}


@pytest.mark.django_db
@pytest.mark.both_databases
@pytest.mark.parametrize(("opened", "happens"), ENDS.values(), ids=ENDS)
def test_a_reader_is_valid_no_longer_when(opened, happens):
    user, other = person("operator"), reader_with_token(person("viewer"))
    reader = opened(user)
    assert still_valid([reader, other], timezone.now()) == {reader, other}
    happens(user)
    assert still_valid([reader, other], timezone.now()) == {other}


@pytest.mark.django_db
@pytest.mark.both_databases
@pytest.mark.parametrize(("opened", "happens"), GOES_ON.values(), ids=GOES_ON)
def test_a_reader_stays_valid_when(opened, happens):
    user = person("operator")
    reader = opened(user)
    happens(user)
    assert still_valid([reader], timezone.now()) == {reader}


@pytest.mark.django_db
@pytest.mark.both_databases
def test_a_superuser_has_every_right_without_any_role():
    reader = reader_with_token(User.objects.create_superuser("root"))
    assert reader.rights == RIGHTS
    assert still_valid([reader], timezone.now()) == {reader}


@pytest.mark.django_db
@pytest.mark.both_databases
def test_however_many_read_is_asked_in_four_queries(django_assert_max_num_queries):
    readers = [opened(person("viewer")) for _ in range(20) for opened in (reader_with_token, reader_with_session)]
    with django_assert_max_num_queries(4):
        assert still_valid(readers, timezone.now()) == set(readers)


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_a_stream_ends_within_a_heartbeat_of_its_token_and_others_go_on(redis_server, settings, monkeypatch):
    settings.REDIS_URL = redis_server
    monkeypatch.setattr(hubs, "HEARTBEAT_SECONDS", 0.2)
    ending, staying = (reader_with_token(person("viewer")) for _ in range(2))

    async def script() -> None:
        hub = Hub()
        first, second = hub.listen(Stream(None, ending), None), hub.listen(Stream(None, staying), None)
        for events in (first, second):
            await anext(events)
        await sync_to_async(ApiToken.objects.filter(pk=ending.token_id or 0).delete)()
        async for _ in first:
            pass
        for _ in range(3):
            await anext(second)
        hub.end()
        async for _ in second:
            pass

    asyncio.run(asyncio.wait_for(script(), PATIENCE_SECONDS))


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_a_stream_that_begins_when_others_have_ended_is_told_and_checked(redis_server, settings, monkeypatch):
    settings.REDIS_URL = redis_server
    monkeypatch.setattr(hubs, "HEARTBEAT_SECONDS", 0.2)
    readers = [reader_with_token(person("viewer")) for _ in range(2)]

    async def script() -> None:
        hub = Hub()
        for reader in readers:
            events = hub.listen(Stream(None, reader), None)
            await anext(events)
            await sync_to_async(ApiToken.objects.filter(pk=reader.token_id or 0).delete)()
            async for _ in events:
                pass
        hub.end()

    asyncio.run(asyncio.wait_for(script(), PATIENCE_SECONDS))


@pytest.mark.django_db
@pytest.mark.both_databases
def test_whoever_asks_for_the_head_of_the_stream_alone_holds_none_open():
    answer = client_of("viewer").head("/api/events/")
    assert (answer.status_code, answer.streaming) == (200, False)
    assert answer["Content-Type"].startswith("text/event-stream")
