from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone

from monitors.tasks import clear_sessions


@pytest.mark.django_db
def test_sessions_that_have_expired_are_cleared_and_others_stay():
    now = timezone.now()
    for key, days in (("over", -1), ("current", 1)):
        Session.objects.create(session_key=key, session_data="", expire_date=now + timedelta(days=days))
    clear_sessions()
    assert list(Session.objects.values_list("session_key", flat=True)) == ["current"]


def test_they_are_cleared_more_than_daily():
    entry = settings.CELERY_BEAT_SCHEDULE["clear sessions"]
    assert entry["task"] == clear_sessions.name
    assert entry["schedule"].run_every <= timedelta(days=1)
