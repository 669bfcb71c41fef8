"""The bar of what can be done to the servers that are ticked."""

from __future__ import annotations

from django import template
from django.template import Context
from django.utils import timezone

from monitors.undoing import Undo, offered

register = template.Library()


@register.simple_tag(takes_context=True)
def what_can_be_undone(context: Context) -> Undo | None:
    return offered(context["request"].session, timezone.now())
