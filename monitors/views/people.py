"""Sharing access with somebody."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.models import User
from django.db import IntegrityError
from django.http import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from monitors import recording
from monitors.clock import database_now
from monitors.forms.account import PersonForm
from monitors.people import MANAGE, password_link
from monitors.views.base import Request, page


@require_http_methods(["GET", "HEAD", "POST"])
@page(*MANAGE)
def new(request: Request) -> HttpResponseBase:
    """The link is in this answer, and nowhere else."""
    form = PersonForm(request.POST or None, actor=cast(User, request.user))
    if request.method == "POST" and form.is_valid():
        try:
            user = recording.add_person(form.cleaned_data["name"], form.cleaned_data["role"], now=database_now())
        except IntegrityError:  # somebody was faster
            form.add_error("name", _("Somebody has this name already."))
        else:
            shown = {"person": user, "role": form.cleaned_data["role"], "link": password_link(request, user)}
            return render(request, "account/shared.html", shown, status=201)
    return render(request, "account/share.html", {"form": form}, status=422 if request.method == "POST" else 200)
