"""What `OPTIONS` says of a path of the API."""

from __future__ import annotations

from typing import Any

from rest_framework.metadata import SimpleMetadata
from rest_framework.request import Request


class Metadata(SimpleMetadata):
    """What it reads and writes. The fields are in the OpenAPI document: finding them out here would look for an object
    and a serializer in views that have neither."""

    def determine_actions(self, _request: Request, _view: Any) -> dict[str, Any]:
        return {}
