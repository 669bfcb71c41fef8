"""One's own account, and sharing access with others."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from monitors.models import ApiToken, Profile
from monitors.tests.answers import text
from monitors.tests.builders import NOW, see, server
from monitors.tests.people import person, visitor

pytestmark = pytest.mark.django_db

PASSWORD, OTHER = "long-enough-4711", "another-one-0815"


@pytest.fixture
def alice():
    user = User.objects.create_user("alice", password=PASSWORD)
    user.groups.add(Group.objects.get(name="viewer"))
    return user


@pytest.fixture
def here(alice):
    return logged_in()


def logged_in(password=PASSWORD, **where):
    client = Client(**where)
    assert client.post("/login/", {"username": "alice", "password": password}).status_code == 302
    return client


def found(pattern, page):
    match = re.search(pattern, page)
    assert match, page
    return match[1]


def is_logged_in(client):
    return client.get("/account/").status_code == 200


# preferences


def test_everybody_has_an_account_page_with_or_without_a_role():
    for role in ("", "viewer", "operator", "admin"):
        page = text(visitor(role).get("/account/"))
        assert "Log out everywhere else" in page
        assert ("Share access" in page) == (role == "admin")


def test_pages_are_shown_in_the_language_and_the_zone_that_somebody_chose(here):
    see(server(), "--", start=NOW)
    typed = {"first_name": "Alice", "last_name": "Kim", "language": "ko", "time_zone": "Asia/Seoul"}
    assert here.post("/account/", typed).status_code == 302
    user = User.objects.get(username="alice")
    assert (user.first_name, user.profile.language, user.profile.time_zone) == ("Alice", "ko", "Asia/Seoul")
    page = text(here.get("/incidents/", headers={"Accept-Language": "en"}))
    assert '<html lang="ko" data-zone="Asia/Seoul" data-zone-chosen' in page
    assert " KST" in page
    assert " UTC" in text(visitor("viewer").get("/incidents/"))


def test_the_api_tells_times_as_before(here, alice):
    see(server(), "--", start=NOW)
    Profile.objects.create(user=alice, time_zone="Asia/Seoul")
    assert here.get("/api/incidents/").json()["results"][0]["began_at"].endswith("Z")


def test_whoever_chose_nothing_sees_what_browser_and_monitor_say(here):
    page = text(here.get("/", headers={"Accept-Language": "ko"}))
    assert '<html lang="ko" data-zone="UTC" data-now' in page


def test_the_switch_of_languages_changes_what_was_chosen(here, alice):
    Profile.objects.create(user=alice, language="ko")
    here.post("/language/setlang/", {"language": "en", "next": "/"})
    assert '<html lang="en"' in text(here.get("/", headers={"Accept-Language": "ko"}))


@pytest.mark.parametrize("typed", [{"language": "xx"}, {"time_zone": "Mars/Phobos"}, {"first_name": "x" * 151}])
def test_what_cannot_be_is_refused(here, typed):
    assert here.post("/account/", typed).status_code == 422
    assert not Profile.objects.exists()


def test_nobody_changes_more_of_themselves(here, alice):
    here.post("/account/", {"is_superuser": "on", "is_staff": "on", "username": "root", "groups": "3"})
    alice.refresh_from_db()
    assert (alice.is_superuser, alice.is_staff, alice.username, alice.groups.get().name) == (
        False,
        False,
        "alice",
        "viewer",
    )


# password and sessions


def change_on_the_account_page(user, client):
    typed = {"old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER}
    assert client.post("/account/password/", typed).status_code == 302
    assert is_logged_in(client)


def change_in_the_admin(user, _client):
    path = f"/admin/auth/user/{user.pk}/password/"
    typed = {"password1": OTHER, "password2": OTHER, "usable_password": "true"}
    assert visitor("admin", is_staff=True).post(path, typed).status_code == 302


def change_by_a_link(user, _client):
    visitor("admin", is_staff=True)
    admin = visitor("admin", is_staff=True)
    answer = admin.post("/admin/auth/user/", {"action": "make_link", "_selected_action": user.pk}, follow=True)
    follow_link(found(r"http://testserver(/account/set-password/\S+/)", text(answer)))


def follow_link(path, password=OTHER):
    client = Client()
    form = client.get(path, follow=True)
    where = form.redirect_chain[-1][0]
    answer = client.post(where, {"new_password1": password, "new_password2": password})
    assert (answer.status_code, answer["Location"]) == (302, "/login/")


WAYS = {
    "the account page": change_on_the_account_page,
    "the admin": change_in_the_admin,
    "a link": change_by_a_link,
}


@pytest.mark.parametrize("change", WAYS.values(), ids=WAYS)
def test_a_new_password_ends_the_other_sessions(alice, here, change):
    there = logged_in()
    change(alice, here)
    assert not is_logged_in(there)
    assert is_logged_in(logged_in(OTHER))


def test_somebody_sees_where_they_are_logged_in_and_logs_out_everywhere_else(here):
    there = logged_in(REMOTE_ADDR="203.0.113.9", HTTP_USER_AGENT="Phone <b>1</b>")
    other = visitor("viewer")
    page = text(here.get("/account/"))
    assert "203.0.113.9" in page
    assert "Phone &lt;b&gt;1&lt;/b&gt;" in page
    assert "1 other session has ended." in text(here.post("/account/sessions/end/", follow=True))
    assert is_logged_in(here)
    assert not is_logged_in(there)
    assert is_logged_in(other)


# tokens


def test_a_token_is_shown_once_and_works(here, alice):
    answer = here.post("/account/tokens/", {"name": "ci", "days": "30", "read_only": "on"})
    shown = found(r'<code id="token">([\w-]{43})</code>', text(answer, 201))
    token = ApiToken.objects.get(user=alice)
    assert (token.name, token.read_only) == ("ci", True)
    assert token.expires_at is not None
    assert token.expires_at - timezone.now() > timedelta(days=29)
    assert "no-store" in answer["Cache-Control"]
    assert shown not in text(here.get("/account/"))
    assert Client().get("/api/servers/", headers={"Authorization": f"Token {shown}"}).status_code == 200


def test_a_token_is_deleted_after_a_question_and_only_by_its_owner(here, alice):
    token, _text = ApiToken.objects.issue(alice, "ci")
    path = f"/account/tokens/{token.pk}/delete/"
    assert visitor("admin").post(path).status_code == 404
    assert "Delete the token?" in text(here.get(path))
    assert ApiToken.objects.exists()
    assert here.post(path).status_code == 302
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("typed", [{"name": ""}, {"name": "x", "days": "0"}, {"name": "x" * 101}])
def test_a_token_that_makes_no_sense_is_not_made(here, typed):
    assert here.post("/account/tokens/", typed).status_code == 422
    assert not ApiToken.objects.exists()


# without a role


def test_whoever_has_no_role_is_told_so_and_can_log_out():
    client = visitor()
    page = text(client.get("/"), 403)
    assert "You have no role yet" in page
    assert 'action="/logout/"' in page
    assert 'href="/incidents/"' not in page
    assert client.post("/logout/").status_code == 302
    assert client.get("/account/").status_code == 302


def test_whoever_has_a_role_is_told_that_it_does_not_include_something():
    page = text(visitor("viewer").get("/servers/new/"), 403)
    assert "You may not do this." in page
    assert "You have no role yet" not in page


# sharing access


def shared(client, name="bob", role="operator"):
    answer = client.post("/account/people/new/", {"name": name, "role": Group.objects.get(name=role).pk})
    return found(r'value="http://testserver(/account/set-password/[^"]+)"', text(answer, 201))


def test_access_is_shared_by_a_link_that_sets_the_password_once():
    path = shared(visitor("admin"))
    bob = User.objects.get(username="bob")
    assert (bob.is_staff, bob.is_superuser, bob.groups.get().name) == (False, False, "operator")
    assert Client().post("/login/", {"username": "bob", "password": ""}).status_code == 200
    follow_link(path)
    assert Client().post("/login/", {"username": "bob", "password": OTHER}).status_code == 302
    assert "no longer good" in text(Client().get(path))


def test_a_link_expires(settings, monkeypatch):
    path = shared(visitor("admin"))
    later = timezone.now() + timedelta(days=3, minutes=1)
    monkeypatch.setattr(
        "django.contrib.auth.tokens.PasswordResetTokenGenerator._now", lambda _: later.replace(tzinfo=None)
    )
    assert "no longer good" in text(Client().get(path))


def test_a_link_of_somebody_inactive_opens_nothing():
    path = shared(visitor("admin"))
    User.objects.filter(username="bob").update(is_active=False)
    assert "no longer good" in text(Client().get(path))


def test_a_weak_password_is_refused():
    client = Client()
    where = client.get(shared(visitor("admin")), follow=True).redirect_chain[-1][0]
    assert "too common" in text(client.post(where, {"new_password1": "password123", "new_password2": "password123"}))


def test_whoever_administers_may_share_the_admin_too():
    shared(visitor("admin"), role="admin")
    assert User.objects.get(username="bob").is_staff


@pytest.mark.parametrize("name", ["", "alice", "ALICE", "a b", "x" * 151])
def test_a_name_that_is_taken_or_none_is_refused(alice, name):
    group = Group.objects.get(name="viewer").pk
    answer = visitor("admin").post("/account/people/new/", {"name": name, "role": group})
    assert answer.status_code == 422


# nobody becomes more than they are


def manager(*rights):
    """Somebody who may manage people, and little else."""
    from django.contrib.auth.models import Permission  # noqa: PLC0415

    group = Group.objects.create(name="manager")
    names = ("add_user", "change_user", "view_user", "view_group", "change_group", "add_group", "delete_user", *rights)
    group.permissions.add(*Permission.objects.filter(codename__in=names))
    user = person(is_staff=True)
    user.groups.add(group)
    client = Client()
    client.force_login(user)
    return client, user


def test_nobody_gives_a_role_that_may_what_they_may_not():
    client, _user = manager("view_server")
    for role in ("admin", "operator", "viewer"):
        group = Group.objects.get(name=role)
        assert client.post("/account/people/new/", {"name": "x", "role": group.pk}).status_code == 422
        assert group.name not in re.findall(r">(\w+)</option>", text(client.get("/account/people/new/")))
    assert not User.objects.filter(username="x").exists()


def test_nobody_takes_over_somebody_who_may_more():
    client, _user = manager()
    other = person("viewer")
    typed = {"password1": OTHER, "password2": OTHER, "usable_password": "true"}
    assert client.post(f"/admin/auth/user/{other.pk}/password/", typed).status_code == 403
    assert client.post(f"/admin/auth/user/{other.pk}/change/", {"username": "x"}).status_code == 403
    assert client.post(f"/admin/auth/user/{other.pk}/delete/", {"post": "yes"}).status_code == 403
    answer = client.post("/admin/auth/user/", {"action": "make_link", "_selected_action": other.pk}, follow=True)
    assert "/account/set-password/" not in text(answer)


def test_nobody_changes_their_own_roles_or_makes_them_mightier():
    client, user = manager()
    mighty = Group.objects.get(name="admin")
    fields = {"username": user.username, "date_joined_0": "2026-11-22", "date_joined_1": "10:00:00", "is_active": "on"}
    client.post(f"/admin/auth/user/{user.pk}/change/", {**fields, "groups": [mighty.pk], "is_superuser": "on"})
    user.refresh_from_db()
    assert ([group.name for group in user.groups.all()], user.is_superuser) == (["manager"], False)
    assert client.post(f"/admin/auth/group/{mighty.pk}/change/", {"name": "mine"}).status_code == 403
    own = Group.objects.get(name="manager")
    held = own.permissions.count()
    every = list(mighty.permissions.values_list("pk", flat=True))
    client.post(f"/admin/auth/group/{own.pk}/change/", {"name": "manager", "permissions": every})
    assert own.permissions.count() == held


def test_an_admin_still_makes_operators_and_admins():
    client = visitor("admin", is_staff=True)
    other = person("viewer")
    role = Group.objects.get(name="operator")
    fields = {"username": "grown", "date_joined_0": "2026-11-22", "date_joined_1": "10:00:00", "is_active": "on"}
    client.post(f"/admin/auth/user/{other.pk}/change/", {**fields, "groups": [role.pk]})
    assert User.objects.get(username="grown").groups.get().name == "operator"
