"""What the frame of every page needs."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _

register = template.Library()


@register.simple_tag
def script_words() -> dict[str, str]:
    """The texts that scripts say, by the names that static/js asks for."""
    return {
        "unit_d": _("%(number)d d"),
        "unit_h": _("%(number)d h"),
        "unit_min": _("%(number)d min"),
        "unit_s": _("%(number)d s"),
        "in_time": _("in %(time)s"),
        "due": _("now"),
        "server_time": _("%(time)s at the server (%(zone)s)"),
        "ok": _("ok"),
        "connection_live": _("Live"),
        "connection_polling": _("Updated every 10 s"),
        "connection_lost": _("Connection lost, reconnecting"),
        "dismiss": _("Dismiss"),
        "no_answer": _("The monitor does not answer. Nothing was changed."),
        "not_allowed": _("You may not do that, or you are logged out."),
        "went_wrong": _("That did not work (status %(status)s). Nothing was changed."),
    }
