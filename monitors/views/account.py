"""One's own account: name, password, language, time zone, sessions and keys to the API."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import User
from django.contrib.auth.views import INTERNAL_RESET_SESSION_TOKEN, PasswordResetConfirmView
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django.views.i18n import set_language as set_language_of_browser

from monitors import recording
from monitors.clock import database_now
from monitors.forms.account import PasswordChangeForm, PreferencesForm, SetPasswordForm, TokenForm
from monitors.models import ApiToken, Profile
from monitors.people import may_manage, profile_of, sessions_of
from monitors.views.base import Request, page

FORM = ["GET", "HEAD", "POST"]


@require_http_methods(FORM)
@page()
def account(request: Request) -> HttpResponseBase:
    user = cast(User, request.user)
    if request.method != "POST":
        return _shown(request)
    form = PreferencesForm(request.POST, instance=User.objects.get(pk=user.pk))
    if not form.is_valid():
        return _shown(request, preferences=form, status=422)
    recording.set_preferences(user, form.save, now=database_now())
    messages.success(request, _("Your settings are saved."))
    return redirect("account:account")


def _shown(request: Request, *, status: int = 200, **context: Any) -> HttpResponse:
    user, now = cast(User, request.user), timezone.now()
    context = {
        "preferences": PreferencesForm(instance=user),
        "token_form": TokenForm(auto_id="token_%s"),
        "tokens": ApiToken.objects.filter(user=user).order_by("-created_at"),
        "sessions": sessions_of(user, now),
        "here": request.session.session_key,
        "manages_people": may_manage(user),
        "now": now,
    } | context
    return render(request, "account/account.html", context, status=status)


@sensitive_post_parameters()
@require_http_methods(FORM)
@page()
def password(request: Request) -> HttpResponseBase:
    """Ends all other sessions, by the hash of the password that each of them carries."""
    user = cast(User, request.user)
    form = PasswordChangeForm(user, request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        recording.set_password(user, form.cleaned_data["new_password1"], now=database_now())
        update_session_auth_hash(request, user)
        messages.success(request, _("Your password is changed. Wherever else you were logged in, you are logged out."))
        return redirect("account:account")
    status = 422 if request.method == "POST" else 200
    return render(request, "account/password.html", {"form": form}, status=status)


@require_POST
@page()
def end_others(request: Request) -> HttpResponseBase:
    here = request.session.session_key or ""
    ended = recording.log_out_elsewhere(cast(User, request.user), but=here, now=database_now())
    words = ngettext("%(count)d other session has ended.", "%(count)d other sessions have ended.", ended)
    messages.success(request, words % {"count": ended})
    return redirect("account:account")


@require_POST
@page()
def add_token(request: Request) -> HttpResponseBase:
    """The text is in this answer, and nowhere else, ever: to load the page anew does not show it again."""
    form = TokenForm(request.POST, auto_id="token_%s")
    if not form.is_valid():
        return _shown(request, token_form=form, status=422)
    now = database_now()
    token, text = recording.issue_token(
        cast(User, request.user),
        form.cleaned_data["name"],
        expires_at=form.expires_at(now),
        read_only=form.cleaned_data["read_only"],
        now=now,
    )
    return _shown(request, issued=token, text=text, status=201)


@require_http_methods(FORM)
@page()
def delete_token(request: Request, token_id: int) -> HttpResponseBase:
    token = get_object_or_404(ApiToken, pk=token_id, user_id=request.user.pk)
    if request.method != "POST":
        return render(request, "account/delete_token.html", {"token": token})
    recording.delete_tokens([token], now=database_now())
    messages.success(request, _("The token is deleted. Whatever uses it is refused from now on."))
    return redirect("account:account")


class SetPassword(PasswordResetConfirmView):
    """Where a link leads that somebody who manages people has made. Every other session ends by it."""

    form_class = SetPasswordForm
    template_name = "account/set_password.html"
    success_url = reverse_lazy("login")

    def get_user(self, uidb64: str) -> User | None:
        user = super().get_user(uidb64)
        return user if user is not None and user.is_active else None

    def form_valid(self, form: Any) -> HttpResponse:
        recording.set_password(form.user, form.cleaned_data["new_password1"], now=database_now())
        del self.request.session[INTERNAL_RESET_SESSION_TOKEN]
        messages.success(self.request, _("The password is set. Log in with it."))
        return redirect(self.get_success_url())


def set_language(request: Request) -> HttpResponseBase:
    """For this browser, and for whoever is logged in also where they have chosen another one."""
    profile = profile_of(request.user)
    language = request.POST.get("language", "")
    if request.method == "POST" and profile and profile.language and language in dict(settings.LANGUAGES):
        stored = Profile.objects.filter(pk=profile.pk)
        recording.set_preferences(profile.user, partial(stored.update, language=language), now=database_now())
    return set_language_of_browser(request)
