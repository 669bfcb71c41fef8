"""The workspace, watched by real processes."""

from __future__ import annotations

import pytest

from healthcheck.tests.stack import RunningStack, wait_for
from notifications.tests.standin import Standin

pytestmark = pytest.mark.stack


def test_a_running_stack_reads_the_workspace_and_looks_at_it_again_when_it_starts_anew(tmp_path):
    with Standin() as slack:
        for number in range(250):
            slack.workspace.add_channel(f"room-{number}", is_member=False)
        slack.workspace.scopes.remove("channels:history")
        stack = RunningStack(tmp_path, {"SLACK_API_URL": slack.api_url, "SLACK_BOT_TOKEN": slack.token})
        stack.sql("INSERT INTO notifications (channel_id) VALUES (%s)", slack.channel)

        def promised(guarantee: str, lacks: str) -> bool:
            return stack.sql("SELECT guarantee, lacks FROM notifications") == [(guarantee, lacks)]

        try:
            stack.start()
            wait_for(
                lambda: stack.sql("SELECT COUNT(*) FROM notifications_workspacechannel") == [(252,)], what=stack.logs()
            )
            wait_for(lambda: promised("at_least_once", "missing_scope:channels:history"))
            stack.stop()
            slack.workspace.scopes.add("channels:history")
            stack.start()
            wait_for(lambda: promised("exactly_once", ""), what=stack.logs())
        finally:
            stack.stop()
