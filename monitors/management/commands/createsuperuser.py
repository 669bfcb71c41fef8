"""`manage.py createsuperuser`: Django's, and the audit log says who ran it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.contrib.auth.models import User, UserManager

from monitors import audit, recording
from monitors.clock import database_now


class RecordingManager(UserManager[User]):
    def create_superuser(  # type: ignore[override]  # Django's command does without what it returns
        self, username: str, email: str | None = None, password: str | None = None, **_columns: Any
    ) -> None:
        recording.add_superuser(username, password, email=email or "", now=database_now())


class RecordedUser:
    """`User` as Django's command asks for it, but for who writes."""

    _default_manager = RecordingManager()
    _default_manager.model = User

    def __getattr__(self, name: str) -> Any:
        return getattr(User, name)

    def __call__(self, **columns: Any) -> User:
        return User(**columns)


class Command(createsuperuser.Command):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.UserModel: Any = RecordedUser()

    @audit.command("createsuperuser")
    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
