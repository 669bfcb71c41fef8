"""Fields of a server that the framework would make otherwise; on the pages and in the admin alike."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitors import kinds
from monitors.fields import MASK
from monitors.models import Server


def _column(name: str) -> dict[str, Any]:
    """Label and help of a column whose form field is our own."""
    field: Any = Server._meta.get_field(name)
    return {"label": capfirst(field.verbose_name), "help_text": field.help_text, "required": False}


class HeadersField(forms.CharField):
    """Headers as lines of `Name: value`. Shows names only: the values that are stored never, and those just typed not
    again either."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> str:
        return "\n".join(f"{name}: {MASK}" for name in value or ())

    def bound_data(self, data: Any, initial: Any) -> Any:
        return initial

    def to_python(self, value: Any) -> Any:
        headers: dict[str, str] = {}
        for number, line in enumerate((super().to_python(value) or "").splitlines(), 1):
            if not line.strip():
                continue
            name, colon, content = line.partition(":")
            if not colon:
                raise forms.ValidationError(_("Line %(n)d: write a header as Name: value.") % {"n": number})
            if name.strip().lower() in map(str.lower, headers):
                raise forms.ValidationError(_("A header is given twice; case does not matter in its name."))
            headers[name.strip()] = content.strip()
        return headers or None


class TagsField(forms.CharField):
    """Words with commas between them."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        words = [word.strip() for word in (super().to_python(value) or "").split(",")]
        return [word for word in words if word] or None


def headers_field() -> HeadersField:
    words = gettext_lazy(
        "One header per line, as Name: value. Stored encrypted; a value shown as ******** stays as it is."
    )
    return HeadersField(**{**_column("request_headers"), "help_text": words})


def tags_field(**more: Any) -> TagsField:
    return TagsField(**_column("tags"), **more)


def expected_text_field(**more: Any) -> forms.CharField:
    """Blanks at its ends count."""
    return forms.CharField(strip=False, empty_value=None, max_length=200, **_column("expected_text"), **more)


def scheme_field(**more: Any) -> forms.TypedChoiceField:
    def choices() -> list[tuple[str, Any]]:
        return [("", gettext_lazy("from host and port")), *((scheme, scheme) for scheme in kinds.schemes())]

    return forms.TypedChoiceField(choices=choices, empty_value=None, **_column("scheme"), **more)


def verify_tls_field(**more: Any) -> forms.TypedChoiceField:
    """Yes, no, or what holds where nothing is said."""
    return forms.TypedChoiceField(
        choices=[("", gettext_lazy("yes, by default")), ("True", gettext_lazy("yes")), ("False", gettext_lazy("no"))],
        coerce=lambda value: value == "True",
        empty_value=None,
        **_column("verify_tls"),
        **more,
    )
