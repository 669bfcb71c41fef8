"""What the forms of a server, on the pages and in the admin, do about its kind, its options and its secrets."""

from __future__ import annotations

from copy import copy
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.translation import gettext as _

from monitors import concealing, kinds
from monitors.forms import options
from monitors.settings_table import REQUEST


class BaseServerForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs alone
    """Has the options of the chosen kind, reads a mask as the secret that is stored, and refuses to take stored secrets
    along to another address."""

    _anew: set[str]
    """The columns whose secrets were typed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kinds.chosen(self["type"].value() if "type" in self.fields else self.instance.type)
        for name, field in options.fields_of(self.kind).items():
            self.fields.setdefault(name, field)
        masked = concealing.masked("options", self.instance.options)
        self.initial = {**options.initial_of(masked), **self.initial}
        for name in ("host", "port"):
            if name in self.fields:
                self.fields[name].required = getattr(self.kind.shape, name)

    def clean(self) -> Any:
        cleaned = super().clean()
        self.cleaned_data["options"] = options.said(self.cleaned_data)
        typed = {column: self.cleaned_data[column] for column in concealing.COLUMNS if column in self.cleaned_data}
        self._anew = concealing.given(typed)
        for column, value in typed.items():
            try:
                self.cleaned_data[column] = concealing.unmasked(column, value, getattr(self.instance, column))
            except concealing.MaskedError as error:
                words = _("%(name)s is masked, and no value is stored for it.")
                self.add_error(self._shown(column, error.name), words % {"name": error.name})
        return cleaned

    def _post_clean(self) -> None:
        before = copy(self.instance)
        for name in set(REQUEST) - set(self.kind.columns):  # a setting that its kind does not have goes
            setattr(self.instance, name, None)
        self.instance.options = self.cleaned_data.get("options")
        super()._post_clean()  # type: ignore[misc]  # the stubs do not know it
        problems = concealing.carried_off(before, self.instance, self._anew)
        for column, problem in problems.items():
            secret = kinds.options.secrets(self.kind.options) if column == "options" else ("",)
            for name in secret:
                self.add_error(self._shown(column, name), problem)
        if "request_headers" in problems:
            self.empty_headers()

    def _update_errors(self, errors: forms.ValidationError) -> None:
        """What is wrong within an option is said at the option."""
        for name in [name for name in errors.error_dict if name not in (NON_FIELD_ERRORS, *self.fields)]:
            option = ".".join(name.split(".")[:2])
            place = option if option in self.fields else NON_FIELD_ERRORS
            errors.error_dict.setdefault(place, []).extend(errors.error_dict.pop(name))
        super()._update_errors(errors)  # type: ignore[misc]  # the stubs do not know it

    def _shown(self, column: str, name: str) -> str | None:
        """The field that stands for `name` in a column; None for the form as a whole."""
        field = f"{options.PREFIX}{name}" if column == "options" else column
        return field if field in self.fields else None

    def empty_headers(self) -> None:
        """Show the field for headers empty, to be filled: masks would be refused again."""
        self.initial["request_headers"] = None
