"""What a role may do. Roles are groups of model permissions, so that an installation can cut its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission

if TYPE_CHECKING:  # the framework imports this module while it defines its views
    from rest_framework.request import Request
    from rest_framework.views import APIView

AUTHENTICATED = ""
"""As `required_permission`: anybody who is logged in."""

VERBS = {
    "GET": "view",
    "HEAD": "view",
    "OPTIONS": "view",
    "POST": "add",
    "PUT": "change",
    "PATCH": "change",
    "DELETE": "delete",
}


def may(request: Any, permission: str) -> bool:
    """Whether `request` may do what `permission` stands for. A token that only reads lends none of its user's rights to
    change something: it opens, and shows, what a viewer sees."""
    reads = permission.partition(".")[2].startswith("view_")
    read_only = getattr(getattr(request, "auth", None), "read_only", False)
    return bool((reads or not read_only) and request.user.has_perm(permission))


class RolePermission(BasePermission):
    """The model permission that the method stands for; reading needs `view`.

    A view without a model, or whose action means something else than its method says, declares `required_permission`:
    a permission, `AUTHENTICATED`, or one of these per method. A view that says nothing is refused to everybody.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not request.user or not request.user.is_authenticated:
            return False
        required = required_permission(str(request.method), view)
        return required == AUTHENTICATED or may(request, required)


def required_permission(method: str, view: Any) -> str:
    """Raises MethodNotAllowed for a method that stands for no permission."""
    declared = getattr(view, "required_permission", None)
    if isinstance(declared, Mapping):
        method = method if method in declared else {"HEAD": "GET", "OPTIONS": "GET"}.get(method, method)
        if method not in declared:
            raise MethodNotAllowed(method)
        return str(declared[method])
    if declared is not None:
        return str(declared)
    if getattr(view, "_ignore_model_permissions", False):  # the list of endpoints of a router
        return AUTHENTICATED
    if method not in VERBS:
        raise MethodNotAllowed(method)
    options = view.queryset.model._meta
    return f"{options.app_label}.{VERBS[method]}_{options.model_name}"
