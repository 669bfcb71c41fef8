"""What the codes mean that every transport may use, and what to do about them."""

from __future__ import annotations

import re

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

WORDS: dict[str, Promise] = {
    "rate_limited": gettext_lazy("Too many messages at once; %(medium)s accepts more in a moment."),
    "connection_error": gettext_lazy("%(medium)s cannot be reached: check the network, DNS and any proxy."),
    "connection_lost": gettext_lazy("The connection broke before %(medium)s answered; the message may have arrived."),
    "timeout": gettext_lazy("%(medium)s did not answer in time; the message may have arrived."),
    "bad_answer": gettext_lazy("%(medium)s gave an answer that cannot be read: check the address and any proxy."),
    "not_confirmed": gettext_lazy("%(medium)s did not confirm the message; the monitor checks whether it arrived."),
    "too_late": gettext_lazy("The monitor was held up before it could send the message; it is tried again."),
    "not_written": gettext_lazy("The monitor could not read its database when it wrote the message."),
    "unwritable": gettext_lazy("The message could not be written: a fault of the monitor itself, see its log."),
    "invalid_settings": gettext_lazy("The channel's settings are not complete: enter them again."),
    "invalid_url": gettext_lazy("The address is not a usable URL: enter it again."),
    "unknown_kind": gettext_lazy("This version does not know the kind of the channel: choose another kind."),
    "unreadable_secret": gettext_lazy(
        "None of ENCRYPTION_KEYS can read the channel's settings: restore the key that wrote them, or enter them again."
    ),
    "unauthorized": gettext_lazy("%(medium)s does not accept the secret of the channel: enter it again."),
    "gone": gettext_lazy("%(medium)s does not know the address any more: enter a new one."),
    "bad_message": gettext_lazy("%(medium)s did not accept the form of the message. This is a fault of the monitor."),
    "message_gone": gettext_lazy("The earlier message cannot be changed or answered any more."),
}


def shared_advice(code: str, detail: str, medium: str) -> str:
    """In the active language. `detail` is what the medium itself said, if anything."""
    if words := WORDS.get(code):
        sentence = str(words) % {"medium": medium}
        return f"{sentence} ({detail})" if detail else sentence
    if status := re.fullmatch(r"http_(\d{3})", code):
        return _("%(medium)s answered with HTTP status %(status)s.") % {"medium": medium, "status": status[1]}
    return _("%(medium)s refused: %(code)s.") % {"medium": medium, "code": f"{code} {detail}".strip()}
