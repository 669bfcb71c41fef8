"""Admin pages of what has no writer of its own: people, roles, rules. What they change goes to the audit log within the
same transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.contrib.auth.models import Permission
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from monitors import audit
from monitors.admin.base import ExplainingAdmin
from monitors.audit import Act, Item, Subject
from monitors.clock import database_now

Values = dict[str, Any]


class AuditedAdmin(ExplainingAdmin):
    subject: Subject

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The page is one transaction; what a form says of roles and permissions is written after this."""
        form.audited = values(self.model._default_manager.get(pk=obj.pk)) if change else {}
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        act = Act.CHANGED if change else Act.CREATED
        self._record(act, [(form.instance, audit.differences(form.audited, values(form.instance)))])

    @transaction.atomic
    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self._delete([obj], partial(super().delete_model, request, obj))

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._delete(list(queryset), partial(super().delete_queryset, request, queryset))

    def _delete(self, rows: Iterable[Any], delete: Callable[[], None]) -> None:
        """The key of a row is gone with it."""
        items = [Item(row.pk, str(row), audit.differences(values(row), {})) for row in rows]
        delete()
        audit.record(Act.DELETED, self.subject, items, at=database_now())

    def _record(self, act: Act, changed: Iterable[tuple[Any, audit.Changes]]) -> None:
        items = [Item(row.pk, str(row), changes) for row, changes in changed]
        audit.record(act, self.subject, items, at=database_now())


def values(row: Model) -> Values:
    """Those of its columns, and the names of those that it belongs to."""
    return audit.values(row) | {field.name: _names(getattr(row, field.name)) for field in row._meta.many_to_many}


def _names(related: Any) -> list[str]:
    if related.model is not Permission:
        return sorted(map(str, related.all()))
    rows = related.order_by().values_list("content_type__app_label", "codename")
    return sorted(f"{app}.{codename}" for app, codename in rows)
