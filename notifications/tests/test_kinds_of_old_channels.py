"""A database from before there were kinds: its channels get theirs, and open messages can still be edited."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from healthcheck.tests.stack import ROOT, clean_environment

HOOK = "https://hooks.slack.com/services/T/B/secret"
FILL = """
import json, sys
from django.db import connection
from django.utils import timezone
from monitors.fields import encrypt
hook, now = encrypt(sys.argv[1]), timezone.now()
with connection.cursor() as cursor:
    for id_, url in (("C1", None), ("hook-1", hook), ("hook-2", "of a key that is lost")):
        cursor.execute("INSERT INTO notifications (channel_id, hook_url) VALUES (%s, %s)", [id_, url])
    columns = dict(kind="failure", channel_id="C1", key="t:1", facts="{}", state="sent", reason="", token="",
        attempts=1, created_at=now, next_attempt_at=now, slack_ts="1700000000.000100",
        thread_ts="1600000000.000100", looks=0, found=False, possible_repeat=False, error="")
    names = ", ".join(connection.ops.quote_name(name) for name in columns)
    marks = ", ".join(["%s"] * len(columns))
    cursor.execute(f"INSERT INTO notifications_delivery ({names}) VALUES ({marks})", list(columns.values()))
"""
LOOK = """
import json
from django.db import connection
from notifications.models import Channel, Delivery
with connection.cursor() as cursor:
    cursor.execute("INSERT INTO notifications (channel_id) VALUES ('C9')")
row = Delivery.objects.get()
kinds = {channel.pk: channel.kind for channel in Channel.objects.all()}
hook = Channel.objects.get(pk="hook-1").hook_url
print(json.dumps([kinds, hook, row.remote_id, row.thread_id, row.after_id, row.edit_due_at]))
"""


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/old.sqlite3"
    server = request.getfixturevalue("mariadb_server")
    server.create("kinds")
    return str(server.url("kinds"))


def test_channels_get_their_kinds_and_messages_keep_their_ids(database: str, tmp_path: Path) -> None:
    secrets = {"SECRET_KEY": "only-for-tests", "ENCRYPTION_KEYS": Fernet.generate_key().decode()}
    environment = clean_environment(DATA_DIR=str(tmp_path), DATABASE_URL=database, **secrets)

    def run(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout

    def python(script: str, *arguments: str) -> str:
        start = "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'healthcheck.settings'; django.setup()"
        return run("-c", f"{start}\n{script}", *arguments)

    run("manage.py", "migrate", "notifications", "0019", "--verbosity", "0")
    python(FILL, HOOK)
    run("manage.py", "migrate", "--verbosity", "0")
    kinds, hook, *message = json.loads(python(LOOK))
    assert kinds == {"C1": "slack_bot", "hook-1": "slack_webhook", "hook-2": "slack_webhook", "C9": "slack_bot"}
    assert hook == HOOK
    assert message == ["1700000000.000100", "1600000000.000100", "", None]
