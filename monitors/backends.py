"""Who somebody is, by name and password, and what they may do."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission, User
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from healthcheck.peers import address_of
from monitors import attempts

logger = logging.getLogger(__name__)


class RoleBackend(ModelBackend):
    """Limits how often a wrong password is given (see `monitors.attempts`), and needs one query for what a user may do
    by themselves and by their roles; Django asks for the two apart. Every page and every refresh of a part of one asks.
    """

    @sensitive_variables("password")
    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Any:
        """Raises TooManyAttempts. A name that nobody has takes as long as one that somebody has."""
        if request is None or username is None or password is None:
            return super().authenticate(request, username, password, **kwargs)
        found = User.objects.filter(username=username).first()
        name = found.get_username() if found else username  # names are equal when the database says so

        @sensitive_variables()
        def check() -> bool:
            if found is None:
                User().set_password(password)
                return False
            return found.check_password(password) and self.user_can_authenticate(found)

        if not attempts.passes(request, name, check):
            return None
        logger.info("logged in", extra={"user": repr(name), "address": address_of(request)})
        return found

    def get_user(self, user_id: int) -> Any:
        """With the preferences, which every page asks for."""
        user = User.objects.select_related("profile").filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if not user_obj.is_active or user_obj.is_anonymous or user_obj.is_superuser or obj is not None:
            return super().get_all_permissions(user_obj, obj)
        if not hasattr(user_obj, "_perm_cache"):
            columns = ("content_type__app_label", "codename")
            own = Permission.objects.filter(user=user_obj).order_by().values_list(*columns)
            by_role = Permission.objects.filter(group__user=user_obj).order_by().values_list(*columns)
            user_obj._perm_cache = {f"{app}.{codename}" for app, codename in own.union(by_role)}
        found: set[str] = user_obj._perm_cache
        return found
