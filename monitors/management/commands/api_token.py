"""`manage.py api_token USERNAME`: a new key to the API."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitors import audit, recording
from monitors.clock import database_now
from monitors.models import ApiToken
from monitors.models.access import LONGEST_DAYS

NAME_LENGTH = ApiToken._meta.get_field("name").max_length or 0


class Command(BaseCommand):
    help = str(
        gettext_lazy(
            "Make a new API token with the rights of a user. It is printed once, alone on the last line, and stored "
            "nowhere: TOKEN=$(manage.py api_token alice | tail -n 1)"
        )
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help=_("whose rights the token has"))
        parser.add_argument("--name", default="", help=_("what will use it, to tell tokens apart"))
        parser.add_argument("--days", type=int, help=_("expires after so many days; without, it never does"))
        parser.add_argument("--read-only", action="store_true", help=_("it reads, and changes nothing"))

    @audit.command("api_token")
    def handle(self, *args: Any, **options: Any) -> None:
        username, name = options["username"], options["name"]
        user = get_user_model().objects.filter(username=username).first()
        if user is None:
            raise CommandError(
                _(
                    "There is no user %(username)s. Create one with `manage.py createsuperuser --username NAME`, or in "
                    "the admin under Users; then put it into the group viewer, operator or admin."
                )
                % {"username": username}
            )
        if not user.is_active:
            raise CommandError(
                _("The user %(username)s is not active: a token would open nothing.") % {"username": username}
            )
        if len(name) > NAME_LENGTH:
            raise CommandError(_("A name has at most %(limit)d characters.") % {"limit": NAME_LENGTH})
        days = options["days"]
        if days is not None and not 1 <= days <= LONGEST_DAYS:
            raise CommandError(_("A token lasts for 1 to %(limit)d days.") % {"limit": LONGEST_DAYS})
        now = database_now()
        expires_at = None if days is None else now + timedelta(days=days)
        _token, text = recording.issue_token(user, name, expires_at=expires_at, read_only=options["read_only"], now=now)
        self.stdout.write(_("Send it as `Authorization: Token ...`. It is shown this once:"))
        self.stdout.write(text)
