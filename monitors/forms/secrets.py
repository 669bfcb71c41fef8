"""What the forms of a server, on the pages and in the admin, do about its secrets."""

from __future__ import annotations

from copy import copy
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from monitors import concealing


class SecretsForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs alone
    """Reads a mask as the secret that is stored, and refuses to take stored secrets along to another address."""

    _anew: set[str]
    """The columns whose secrets were typed."""

    def clean(self) -> Any:
        cleaned = super().clean()
        typed = {column: self.cleaned_data[column] for column in concealing.COLUMNS if column in self.cleaned_data}
        self._anew = concealing.given(typed)
        for column, value in typed.items():
            try:
                self.cleaned_data[column] = concealing.unmasked(column, value, getattr(self.instance, column))
            except concealing.MaskedError as error:
                words = _("%(name)s is masked, and no value is stored for it.")
                self.add_error(column, words % {"name": error.name})
        return cleaned

    def _post_clean(self) -> None:
        before = copy(self.instance)
        super()._post_clean()  # type: ignore[misc]  # the stubs do not know it
        problems = concealing.carried_off(before, self.instance, self._anew)
        for column, problem in problems.items():
            self.add_error(column, problem)
        if "request_headers" in problems:
            self.empty_headers()

    def empty_headers(self) -> None:
        """Show the field for headers empty, to be filled: masks would be refused again."""
        self.initial["request_headers"] = None
