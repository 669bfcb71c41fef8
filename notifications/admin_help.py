"""What the fields of the admin mean that are only shown."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

SHOWN: dict[str, Promise] = {
    # channels
    "kind_label": _("How messages are sent to it."),
    "hint": _("The part that is not secret."),
    "guarantee_label": _("What a message that is sent there can be promised."),
    "explanation": _("Why, and what to do for more."),
    "checked_at": _("When Slack was last asked what the app may do there."),
    "updated_at": _("When anything of it was last edited."),
    # deliveries
    "kind": _("What the message tells."),
    "about": _("The server or the incident."),
    "to": _("The channel; its id when it is deleted."),
    "state": _("Pending and being sent end by themselves; an uncertain one is looked for in Slack."),
    "reason_in_words": _("Why it was not sent, or what holds it up."),
    "transition": _("The change of state that it tells."),
    "incident_id": _("The number of the outage."),
    "attempts": _("How often it was tried."),
    "created_at": _("When it was stored."),
    "first_attempt_at": _("When it was first tried."),
    "next_attempt_at": _("Not tried before."),
    "attempt_ended_at": _("When Slack answered last, or did not."),
    "possible_repeat": _("Nobody could find out whether it had arrived before."),
    "sent_at": _("When Slack accepted it."),
    "seconds_taken": _("From the change of state to Slack's acceptance."),
    "edited_at": _("When it was last brought up to date in Slack."),
    "remote_id": _("The id of the message in the medium."),
    "error": _("What went wrong in the last attempt."),
    # storms
    "environment": _("Whose servers went down together."),
    "outages": _("How many failures are told by this one message."),
    "began_at": _("The first failure of it."),
    "joined_at": _("The last failure that became part of it."),
    "ended_at": _("When the last of its servers had recovered; empty while it lasts."),
    "told": _("How the message about it stands."),
    "its_deliveries": _("Its own messages, and those that it tells instead."),
}
