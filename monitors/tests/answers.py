"""What was answered, in tests of pages."""

from __future__ import annotations

from django.http import HttpResponseBase


def text(response: HttpResponseBase, status: int = 200) -> str:
    """The page; fails, and shows how it begins, where the status is another."""
    content = getattr(response, "content", b"")
    assert response.status_code == status, content[:500]
    return str(content, "utf-8")
