"""What people send with the form of a server."""

from __future__ import annotations

from django.test import Client

TYPED = {"host_name": "web-1", "host": "https://web.example.com", "port": "443", "type": "1", "environment": "LIVE"}


def filled(client: Client, path: str) -> dict[str, str]:
    """What a browser sends when the form at `path` is sent back as it is."""
    form = client.get(path).context["form"]
    values = {name: form[name].value() for name in form.fields}
    return {name: str(value) for name, value in values.items() if value not in (None, False)}
