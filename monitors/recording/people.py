"""People, as far as they are made outside of the admin."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User

from monitors import audit
from monitors.audit import Act, Item, Subject
from monitors.transactions import retried_atomic


@retried_atomic
def add_superuser(name: str, password: str, *, now: datetime) -> None:
    """Somebody who may do everything. Raises IntegrityError when the name is taken."""
    user = User.objects.create_superuser(name, password=password)
    audit.record(Act.CREATED, Subject.USER, [Item(user.pk, name, audit.created(user))], at=now)
