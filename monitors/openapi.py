"""What the OpenAPI document says beyond what the framework finds out by itself: within which bounds a request must be,
how it may be refused, and what can be asked next.

The bounds are those that the code enforces: a serializer that refuses what is unknown (`StrictSerializer`) and a filter
say theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django_filters import MultipleChoiceFilter
from drf_spectacular.openapi import AutoSchema
from rest_framework.permissions import SAFE_METHODS
from rest_framework.views import APIView

from monitors.permissions import AUTHENTICATED, required_permission

ERROR = {
    "type": "object",
    "required": ["code", "detail", "errors"],
    "properties": {
        "code": {"type": "string", "example": "invalid"},
        "detail": {"type": "string", "example": "1 row is wrong"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {
                    "row": {"type": "integer", "description": "From 1, in a list.", "example": 7},
                    "field": {"type": "string", "example": "port"},
                    "message": {"type": "string", "example": "Ensure this value is greater than or equal to 1."},
                },
            },
        },
    },
}
"""What `monitors.errors` answers."""
ERROR_SCHEMA = {"$ref": "#/components/schemas/Error"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that many operations have."""

    name: str
    meaning: str
    headers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reference(self) -> dict[str, str]:
        return {"$ref": f"#/components/responses/{self.name}"}

    def response(self, description: str = "", schema: Any = ERROR_SCHEMA) -> dict[str, Any]:
        content = {"application/json": {"schema": schema}}
        headers = {"headers": self.headers} if self.headers else {}
        return {**headers, "description": description or self.meaning, "content": content}


CHALLENGE = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}
RETRY_AFTER = {"Retry-After": {"required": True, "schema": {"type": "integer"}, "description": "Seconds to wait."}}
LARGEST = f"{settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20} MiB"
REFUSALS = {
    "400": Refusal("Invalid", "What was sent is not as described here; `errors` names the fields."),
    "401": Refusal("NotAuthenticated", "Nobody is logged in, or the token is unknown or has expired.", CHALLENGE),
    "403": Refusal("PermissionDenied", "Not allowed to whoever asks: by role, or by a token that is read-only."),
    "404": Refusal("NotFound", "There is none, or no such page."),
    "406": Refusal("NotAcceptable", "The answer is not to be had in what `Accept` names."),
    "408": Refusal("TooSlow", "The body came too slowly."),
    "411": Refusal("LengthRequired", "The body came without its Content-Length."),
    "413": Refusal("TooLarge", f"The body is larger than {LARGEST}."),
    "415": Refusal("UnsupportedMediaType", "The body is something else than JSON by its Content-Type."),
    "429": Refusal("TooManyWrongTokens", "Too many wrong tokens came from this address.", RETRY_AFTER),
    "503": Refusal("Unavailable", "The database is away, or too many large requests came at once.", RETRY_AFTER),
}
"""By status."""
OF_ANY = ("400", "401", "429", "503")
OF_BODIES = ("408", "411", "413", "415")


class Schema(AutoSchema):
    """Describes one operation."""

    view: Any  # typed without what views of models have

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is not None:
            responses = operation["responses"]
            for status in {*responses, *self._refusals(operation)}:
                if status >= "400":
                    responses[status] = _refused(status, responses.get(status))
            if reasons := self._reasons():
                responses["400"] = _refused("400", {"description": _listed(reasons)})
            operation["responses"] = dict(sorted(responses.items()))
        return operation

    def _refusals(self, operation: Mapping[str, Any]) -> Iterator[str]:
        """The statuses of REFUSALS that are possible."""
        yield from OF_ANY
        if self.method not in SAFE_METHODS or required_permission(self.method, self.view) != AUTHENTICATED:
            yield "403"
        paginator = self._get_paginator()  # type: ignore[no-untyped-call]
        if "{" in self.path or (self._is_list_view() and paginator):
            yield "404"
        if type(self.view).perform_content_negotiation is APIView.perform_content_negotiation:
            yield "406"
        if "requestBody" in operation:
            yield from OF_BODIES

    def _reasons(self) -> dict[str, str]:
        """Why something may be refused that the schema allows, by field."""
        reasons = {}
        if self.get_filter_backends() and (filters := getattr(self.view, "filterset_class", None)):
            reasons = {name: one.reason for name, one in filters.base_filters.items() if hasattr(one, "reason")}
        if self.method in ("POST", "PUT", "PATCH"):
            serializer = self.get_request_serializer()
            reasons |= getattr(getattr(serializer, "child", serializer), "reasons", {})
        return reasons

    def _get_filter_parameters(self) -> Any:
        parameters = super()._get_filter_parameters()  # type: ignore[no-untyped-call]
        for parameter in parameters:
            one = self.view.filterset_class.base_filters[parameter["name"]]
            if not isinstance(one, MultipleChoiceFilter):
                parameter["allowEmptyValue"] = True  # as a form sends what is not filled in
            elif callable(choices := one.extra["choices"]):
                parameter["schema"] = {"type": "array", "items": {"enum": [value for value, _label in choices()]}}
            if bounds := getattr(one, "bounds", None):
                longest = one.extra.get("max_length")
                parameter["schema"] = {**bounds, "maxLength": longest} if longest else dict(bounds)
        return parameters

    def _resolve_path_parameters(self, variables: Any) -> Any:
        """By the pattern that the path has."""
        parameters = super()._resolve_path_parameters(variables)  # type: ignore[no-untyped-call]
        if pattern := getattr(self.view, "lookup_value_regex", None):
            for parameter in parameters:
                parameter["schema"] = {**parameter["schema"], "type": "string", "pattern": f"^(?:{pattern})$"}
        return parameters

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if direction == "response":
            for one in schema.get("properties", {}).values():
                _unbound(one)
        elif hasattr(serializer, "bounds"):
            schema["additionalProperties"] = False
            for name, bounds in serializer.bounds.items():
                schema["properties"][name] |= bounds
            if serializer.whole and (required := [name for name, one in serializer.fields.items() if one.required]):
                schema["required"] = required
        return schema

    def _unwrap_list_serializer(self, serializer: Any, direction: Any) -> Any:
        schema = super()._unwrap_list_serializer(serializer, direction)
        if schema and direction == "request" and (most := getattr(serializer, "most", None)):
            schema["maxItems"] = most
        return schema


BOUNDS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern")


def _unbound(schema: dict[str, Any]) -> None:
    """What is answered is what is stored: an adopted row may be one that we would not take."""
    for bound in BOUNDS:
        schema.pop(bound, None)


def _refused(status: str, said: Mapping[str, Any] | None) -> dict[str, Any]:
    """The answer of an operation that refuses with `status`; `said` is what its view says of it."""
    if said is None:
        return REFUSALS[status].reference
    schema = said.get("content", {}).get("application/json", {}).get("schema", ERROR_SCHEMA)
    if status not in REFUSALS:
        return Refusal("", "").response(said["description"], schema)
    if schema != ERROR_SCHEMA:
        schema = {"anyOf": [schema, ERROR_SCHEMA]}  # the view is not the only one to refuse so
    return REFUSALS[status].response(said["description"], schema)


def _listed(reasons: Mapping[str, str]) -> str:
    also = "\n".join(f"* `{name}`: {reason}" for name, reason in reasons.items())
    return f"{REFUSALS['400'].meaning} Also refused, by field:\n\n{also}"


def complete(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """Adds what the operations refer to, and to what is made the links to what can be done with it."""
    components = result["components"]
    components.setdefault("schemas", {})["Error"] = ERROR
    components["responses"] = {refusal.name: refusal.response() for refusal in REFUSALS.values()}
    for path, item in result["paths"].items():
        created = item.get("post", {}).get("responses", {}).get("201", {})
        reference = created.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
        properties = components["schemas"].get(reference.rpartition("/")[2], {}).get("properties", {})
        if links := dict(_links(result["paths"], path, properties)):
            created["links"] = links
    return result


def _links(paths: Mapping[str, Any], collection: str, properties: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """From what was made in a collection, and has these properties, to what its own path and those below it can do."""
    for path, item in paths.items():
        parameter = path.removeprefix(f"{collection}{{").partition("}")[0]
        name = parameter if parameter in properties else "id"
        if not path.startswith(f"{collection}{{") or name not in properties:
            continue
        for operation in item.values():
            link = {"operationId": operation["operationId"], "parameters": {parameter: f"$response.body#/{name}"}}
            yield operation["operationId"], link
