"""`manage.py changepassword`: as Django's, and the audit log says who ran it. The new password ends all sessions."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from monitors import audit, recording
from monitors.clock import database_now

MOST_TRIES = 3


class Command(changepassword.Command):
    @audit.command("changepassword")
    def handle(self, *args: Any, **options: Any) -> str:
        name = options["username"] or getpass.getuser()
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(_("user '%(user)s' does not exist") % {"user": name})
        self.stdout.write(_("Changing password for user '%(user)s'") % {"user": user})
        recording.set_password(user, self._ask(user), now=database_now())
        return _("Password changed successfully for user '%(user)s'") % {"user": user}

    def _ask(self, user: User) -> str:
        """A valid password that was typed twice. Raises CommandError after a few tries."""
        ask: Callable[..., str] = self._get_pass  # type: ignore[attr-defined]  # the stubs have no private names
        for _try in range(MOST_TRIES):
            typed, again = ask(), ask("Password (again): ")
            if typed != again:
                self.stdout.write(_("Passwords do not match. Please try again."))
                continue
            try:
                validate_password(typed, user)
            except ValidationError as error:
                self.stderr.write("\n".join(error.messages))
            else:
                return typed
        words = _("Aborting password change for user '%(user)s' after %(count)d attempts")
        raise CommandError(words % {"user": user, "count": MOST_TRIES})
