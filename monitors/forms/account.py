"""What people say of themselves, and the keys and the access that they give."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth.forms import PasswordChangeForm as DjangoPasswordChangeForm
from django.contrib.auth.forms import SetPasswordForm as DjangoSetPasswordForm
from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import password_validators_help_texts
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitors import attempts
from monitors.models import ApiToken, Profile
from monitors.models.access import LONGEST_DAYS
from monitors.people import profile_of, roles_of

OF_THE_BROWSER = gettext_lazy("that of the browser")


@cache
def zones() -> list[tuple[str, str]]:
    """Those of the IANA database that are named after a place, and UTC."""
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    return [(name, name.replace("_", " ")) for name in ("UTC", *names)]


def _languages() -> list[tuple[str, Any]]:
    return [("", OF_THE_BROWSER), *settings.LANGUAGES]


def _zones() -> list[tuple[str, Any]]:
    return [("", OF_THE_BROWSER), *zones()]


class PreferencesForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs alone
    """One's own name, language and time zone."""

    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=_languages, required=False)
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        choices=_zones,
        required=False,
        help_text=gettext_lazy("In which times are shown on the pages. Messages to channels are not changed by it."),
    )

    class Meta:
        model = User
        fields = ("first_name", "last_name")

    def __init__(self, data: Any = None, *, instance: User) -> None:
        chosen = profile_of(instance)
        initial = {"language": chosen.language, "time_zone": chosen.time_zone} if chosen else {}
        super().__init__(data, instance=instance, initial=initial)

    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit)
        chosen = {name: self.cleaned_data[name] for name in ("language", "time_zone")}
        Profile.objects.update_or_create(user=user, defaults=chosen)
        return user


class SetPasswordForm(DjangoSetPasswordForm):  # type: ignore[type-arg]  # generic in the stubs alone
    """Says what a password must be in one line: the hint of a field is no place for a list."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].help_text = " ".join(password_validators_help_texts())


class PasswordChangeForm(SetPasswordForm, DjangoPasswordChangeForm):
    """Whoever sits at somebody's open browser guesses the old password no more often than at the log-in."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._request = request

    def clean_old_password(self) -> str:
        """Raises TooManyAttempts."""
        password = str(self.cleaned_data["old_password"])
        if not attempts.passes(self._request, self.user.get_username(), lambda: self.user.check_password(password)):
            raise forms.ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return password


class TokenForm(forms.Form):
    """A new key to the API."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=ApiToken._meta.get_field("name").max_length,
        help_text=gettext_lazy("What uses it."),
    )
    days = forms.IntegerField(
        label=gettext_lazy("Days"),
        min_value=1,
        max_value=LONGEST_DAYS,
        required=False,
        help_text=gettext_lazy("After which it is refused. Empty: it never expires."),
    )
    read_only = forms.BooleanField(label=gettext_lazy("Read-only"), required=False)

    def expires_at(self, now: datetime) -> datetime | None:
        return now + timedelta(days=self.cleaned_data["days"]) if self.cleaned_data["days"] else None


class PersonForm(forms.Form):
    """Somebody to share access with."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=User._meta.get_field("username").max_length,
        validators=[User.username_validator],
        help_text=gettext_lazy("With which they log in: letters, digits and @ . + - _"),
    )
    role = forms.ModelChoiceField(
        label=gettext_lazy("Role"),
        queryset=Group.objects.none(),
        empty_label=None,
        help_text=gettext_lazy(
            "A viewer sees everything, an operator also changes servers and channels, an admin also people and keys."
        ),
    )

    def __init__(self, *args: Any, actor: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        allowed = [group.pk for group in roles_of(actor)]
        self.fields["role"].queryset = Group.objects.filter(pk__in=allowed).order_by("pk")  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        name: str = User.normalize_username(self.cleaned_data["name"])
        if User.objects.filter(username__iexact=name).exists():
            raise forms.ValidationError(_("Somebody has this name already."))
        return name
