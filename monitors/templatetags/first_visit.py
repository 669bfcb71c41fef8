"""What a new installation still needs, as far as this app knows."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from django import template
from django.conf import settings
from django.template import Context

register = template.Library()

COOKIE = "first_steps"
DISMISSED = "dismissed"


@register.simple_tag(takes_context=True)
def first_steps_are_wanted(context: Context) -> bool:
    """For whoever may add servers, until they say that they have seen enough."""
    request = context["request"]
    return bool(request.user.has_perm("monitors.add_server") and request.COOKIES.get(COOKIE) != DISMISSED)


@register.simple_tag
def site_url() -> str:
    return str(settings.SITE_URL)


@register.simple_tag
def links_lead_here() -> bool:
    """Whether a link in a message can work elsewhere than on this machine."""
    host = urlsplit(settings.SITE_URL).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost" and not host.endswith(".localhost")


@register.simple_tag
def inventory_is_set() -> bool:
    return bool(settings.INVENTORY_URL)
