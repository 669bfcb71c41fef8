"""Why buttons do not work, for whoever can mend it."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifications.transports.slack.refusals import TOKEN_DEAD
from notifications.transports.slack.socket.state import NOT_RUNNING, Standing

_TOKEN = gettext_lazy("Slack does not accept the app-level token: set SLACK_APP_TOKEN to the app's (xapp-…).")
_SCOPE = gettext_lazy("The app-level token lacks the scope connections:write: make one that has it.")

REASONS: dict[str, Promise] = {
    **dict.fromkeys(sorted(TOKEN_DEAD), _TOKEN),
    "missing_scope": _SCOPE,
    "no_permission": _SCOPE,
    "link_disabled": gettext_lazy("Socket Mode is switched off: switch it on in the app's settings at Slack."),
    "too_many_websockets": gettext_lazy("Too many connections are open for the app: end other programs that use it."),
    NOT_RUNNING: gettext_lazy("The process that receives presses does not run: start “slack” of the Procfile."),
}


def describe_problem(standing: Standing) -> str:
    """What is wrong and what to do, in the active language; empty when nothing is."""
    if standing.ok:
        return ""
    reason = REASONS.get(standing.code) or _("There is no connection to Slack (%(code)s); it is tried again.") % {
        "code": standing.code
    }
    return _("Buttons in messages do not work. %(reason)s") % {"reason": reason}
