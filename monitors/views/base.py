"""What every page has in common."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpResponseBase
from django.views.decorators.cache import never_cache

View = Callable[..., HttpResponseBase]


def page(permission: str) -> Callable[[View], View]:
    """A page for those who are logged in and have `permission`; browsers keep no copy that could be out of date."""

    def decorate(view: View) -> View:
        return never_cache(login_required(permission_required(permission, raise_exception=True)(view)))

    return decorate
