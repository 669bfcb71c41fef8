"""The form of many servers at once: a list pasted into it, or a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitors import seeding
from monitors.seeding import Format
from monitors.serializers.server import MAX_ROWS


class PasteForm(forms.Form):
    """Valid, it has the `rows` of what was given; what is wrong with one of them the plan says."""

    text = forms.CharField(
        label=gettext_lazy("Servers"),
        required=False,
        strip=False,
        widget=forms.Textarea({"rows": 10, "spellcheck": "false", "autocomplete": "off", "class": "mono"}),
        help_text=gettext_lazy("CSV with a header line, YAML or JSON, as the export writes them. At most 5,000."),
    )
    file = forms.FileField(
        label=gettext_lazy("or a file"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput({"accept": ",".join(seeding.SUFFIXES)}),
    )
    format = forms.TypedChoiceField(
        label=gettext_lazy("Format"),
        required=False,
        choices=[("", gettext_lazy("as it looks")), *((format_.value, format_.upper()) for format_ in Format)],
        coerce=Format,
        empty_value=None,
    )
    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    """The mark of the proposal that is agreed to."""
    skip_rejected = forms.BooleanField(required=False)

    rows: list[seeding.Row]
    too_large = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        file = cleaned.get("file")
        if file and cleaned["text"].strip():
            raise forms.ValidationError({"file": _("Paste a list or choose a file, not both.")})
        field = "file" if file else "text"
        try:
            self.rows = seeding.read(self._content(), cleaned["format"] or self._suffix())
            if len(self.rows) > MAX_ROWS:
                raise seeding.SeedError(_("At most %(n)d servers are possible at once.") % {"n": MAX_ROWS})
        except seeding.SeedError as error:
            raise forms.ValidationError({field: _located(error)}) from None
        return cleaned

    def _suffix(self) -> Format | None:
        file = self.cleaned_data["file"]
        return seeding.SUFFIXES.get(Path(file.name or "").suffix.lower()) if file else None

    def _content(self) -> bytes:
        file = self.cleaned_data["file"]
        if file is None:
            return bytes(self.cleaned_data["text"], "utf-8", "surrogatepass")
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if file.size > limit:
            self.too_large = True
            raise seeding.SeedError(_("the file is larger than %(limit)d MB") % {"limit": limit // 1024 // 1024})
        data: bytes = file.read()
        return data

    @property
    def content(self) -> str:
        """What was given as text, so that a page without scripts can send it again."""
        if not self.is_bound or self.errors.get("file"):
            return str(self.data.get("text", ""))
        file = self.cleaned_data.get("file")
        if not file:
            return str(self.data.get("text", ""))
        file.seek(0)
        return str(file.read(), "utf-8-sig", "replace")


def _located(error: seeding.SeedError) -> str:
    if error.line is None:
        return error.message
    return _("Line %(line)d: %(problem)s") % {"line": error.line, "problem": error.message}
