"""Why a message is not sent again, in words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifications.models import Delivery, Kind, SkipReason
from notifications.outbox import NotResentError

WORDS: dict[str, Promise] = {
    NotResentError.ARRIVED: gettext_lazy("This message was accepted already."),
    NotResentError.ON_ITS_WAY: gettext_lazy("This message is on its way."),
    NotResentError.NOT_KEPT: gettext_lazy("Its outage is no longer kept: there is nothing left to say."),
    NotResentError.NO_RECEIVER: gettext_lazy(
        "No channel received alerts of this environment: there is nobody to send to."
    ),
    NotResentError.NOT_LISTENING: gettext_lazy("Its channel is disabled or gone: let it receive alerts first."),
}
UNWANTED: dict[str, Promise] = {
    SkipReason.NOTIFICATION_OFF: gettext_lazy("The server's notification is off: switch it on first."),
    SkipReason.SERVER_DELETED: gettext_lazy("The server was deleted: nobody is told of it any more."),
}


def describe_not_resent(delivery: Delivery, code: str) -> str:
    """`code` as in NotResentError."""
    if words := WORDS.get(code) or (UNWANTED.get(code) if delivery.kind in (Kind.FAILURE, Kind.ONGOING) else None):
        return str(words)
    reason = dict(SkipReason.choices).get(code, code)
    return _("The channel was not told that it began, so it is not told that it ended: %(reason)s.") % {
        "reason": reason
    }
