"""`manage.py probe NAME_OR_URL | --all`: what a probe would find now."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from monitors import concealing, kinds
from monitors.address import InvalidAddress
from monitors.display import instant, iso
from monitors.engine.base import Outcome, Target
from monitors.engine.loop import look
from monitors.engine.message import DEFAULT_PORTS
from monitors.models import Environment, Server
from monitors.overview import certificate
from monitors.seeding import printable
from monitors.strip import pack_stages, stages_ms
from monitors.survey import survey
from monitors.targets import address_text, policies, target_of
from monitors.validation import deny_list, remedy
from monitors.wording import detail_words, failure_help, failure_label, stage_words


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found at a registered server, or at a URL that has no name."""

    name: str
    url: str
    outcome: Outcome

    @property
    def verdict(self) -> str:
        if self.outcome.ok:
            return _("would be healthy")
        return _("would be down") if self.outcome.ok is False else _("could not be looked at")

    @property
    def reason(self) -> str:
        """`Connection refused: nothing listens on 127.0.0.1:81`, or `HTTP 200`."""
        outcome = self.outcome
        label = failure_label(outcome.failure) if outcome.failure else ""
        status = _("HTTP %(status)d") % {"status": outcome.status} if outcome.status else ""
        return printable(": ".join(filter(None, (label, detail_words(outcome.detail))))) or status

    @property
    def severity(self) -> tuple[int, timedelta]:
        """Sorts the worst first: down, not looked at, healthy, the slow before the quick."""
        return [False, None, True].index(self.outcome.ok), -self.outcome.elapsed

    def as_json(self) -> dict[str, Any]:
        """As the API's `servers/{id}/probe/`, with what was looked at."""
        outcome = self.outcome
        return {
            "host_name": self.name or None,
            "url": self.url,
            "ok": outcome.ok,
            "failure": outcome.failure,
            "detail": outcome.detail or None,
            "latency_ms": _milliseconds(outcome.elapsed),
            "stages": _stages(outcome),
            "status": outcome.status,
            "address": outcome.address or None,
            "answer": outcome.answer or None,
            "certificate_expires_at": outcome.certificate_expires_at and iso(outcome.certificate_expires_at),
            "certificate_subject": outcome.certificate_subject or None,
        }


class Command(BaseCommand):
    help = str(
        gettext_lazy(
            "Look at a server now and say what a probe finds, stage by stage. Stores nothing and tells nobody. The "
            "exit code is 1 unless the server would be healthy; with --all it is 0 whatever was found."
        )
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("target", nargs="?", help=_("the name of a server, or any http, https, ws or wss URL"))
        parser.add_argument("--all", action="store_true", help=_("look at every server, paused ones too"))
        parser.add_argument(
            "--environment", choices=Environment.values, help=_("with --all: only the servers of this environment")
        )
        parser.add_argument("--json", action="store_true", help=_("print JSON"))

    def handle(self, *args: Any, **options: Any) -> None:
        if options["all"] == bool(options["target"]):
            raise CommandError(_("Give the name of a server, a URL, or --all."))
        if options["environment"] and not options["all"]:
            raise CommandError(_("--environment goes with --all."))
        if options["all"]:
            self._show_all(_find_all(options["environment"]), options)
            return
        finding = _find(options["target"])
        self._show(finding, as_json=options["json"])
        if not finding.outcome.ok:
            raise CommandError(f"{printable(finding.name) or finding.url} {finding.verdict}.")

    def _show(self, finding: Finding, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(finding.as_json(), ensure_ascii=False, indent=2))
            return
        outcome = finding.outcome
        self.stdout.write(" ".join(filter(None, (printable(finding.name), printable(finding.url)))))
        stages = {stage_words(name): spent for name, spent in _stages(outcome).items() if spent is not None}
        stages[_("in all")] = _milliseconds(outcome.elapsed)
        width = max(map(len, stages))
        for label, spent in stages.items():
            self.stdout.write(f"  {label:<{width}} {spent:>9.1f} ms")
        if outcome.address:
            self.stdout.write(_("connected to %(address)s") % {"address": outcome.address})
        if shown := certificate(outcome, timezone.now()):
            days = shown["days"]
            words = ngettext(
                "certificate until %(at)s, %(days)d day left", "certificate until %(at)s, %(days)d days left", days
            )
            if shown["subject"]:
                self.stdout.write(_("the first to end is that of %(name)s:") % {"name": printable(shown["subject"])})
            self.stdout.write(words % {"at": instant(shown["expires_at"]), "days": days})
        self.stdout.write(f"{finding.verdict}: {finding.reason}")
        if outcome.failure:
            self.stdout.write(failure_help(outcome.failure))
        if outcome.answer:
            self.stdout.write(_("how the answer began:"))
            self.stdout.write("\n".join(f"  | {printable(line)}" for line in outcome.answer.splitlines()))

    def _show_all(self, findings: Sequence[Finding], options: Mapping[str, Any]) -> None:
        """The worst first, and the sum at the end."""
        findings = sorted(findings, key=lambda finding: finding.severity)
        verdicts = [finding.outcome.ok for finding in findings]
        counts = {"healthy": verdicts.count(True), "down": verdicts.count(False), "unknown": verdicts.count(None)}
        if options["json"]:
            servers = [finding.as_json() for finding in findings]
            self.stdout.write(json.dumps({"servers": servers, **counts}, ensure_ascii=False, indent=2))
            return
        if options["verbosity"]:
            for finding in findings:
                spent = f"{_milliseconds(finding.outcome.elapsed):.1f} ms"
                what = f"{printable(finding.name)} ({printable(finding.url)})"
                self.stdout.write(f"{finding.verdict}: {what}: {finding.reason}, {spent}")
        summary = _("%(healthy)d would be healthy, %(down)d would be down") % counts
        if counts["unknown"]:
            summary += _(", %(unknown)d could not be looked at") % counts
        self.stdout.write(summary)


def _find(target: str) -> Finding:
    aim: Target | Outcome
    server = Server.objects.filter(host_name=target.strip()).first()
    if server is not None:
        name, url, aim = server.host_name, address_text(server), target_of(server, policies())
    elif "://" in target:
        name, (url, aim) = "", _target(target)
    else:
        raise CommandError(_nobody(target))
    return Finding(name, url, aim if isinstance(aim, Outcome) else look(aim, kinds.probers_on, deny=deny_list()))


def _find_all(environment: str | None) -> list[Finding]:
    servers = list(Server.objects.filter(**({"environment": environment} if environment else {})).order_by("host_name"))
    in_force = policies()
    aims = [target_of(server, in_force) for server in servers]
    outcomes = survey(aims, deny=deny_list(), max_in_flight=settings.PROBE_MAX_IN_FLIGHT)
    return [
        Finding(server.host_name, address_text(server), outcome)
        for server, outcome in zip(servers, outcomes, strict=True)
    ]


def _target(url: str) -> tuple[str, Target]:
    """`url` as it is shown, and where it leads. Its path is taken as it is, where that of a server would follow from
    its type."""
    try:
        parts = urlsplit(url)
        scheme = parts.scheme.lower()
        kind = kinds.by_scheme(scheme) or kinds.KINDS[0]
        address = kinds.parse_address(
            host=url,
            port=DEFAULT_PORTS.get(scheme),
            type=kind.number,
            path=(f"{parts.path}?{parts.query}" if parts.query else parts.path) or kind.shape.path,
        )
        options = kinds.options.read(kind.options, {})
    except InvalidAddress as error:
        raise CommandError(remedy(error)) from None
    except ValueError:
        raise CommandError(_("%(url)s is not a URL.") % {"url": printable(concealing.shown_host(url))}) from None
    timeout = timedelta(seconds=settings.PROBE_TIMEOUT_SECONDS)
    return address.shown, Target(address.scheme, address.host, address.port, address.path, timeout, options=options)


def _nobody(name: str) -> str:
    words = _("There is no server %(name)s. A URL begins with http://, https://, ws:// or wss://.")
    meant = get_close_matches(name, Server.objects.values_list("host_name", flat=True), n=1)
    hint = _(" Did you mean %(name)s?") % {"name": printable(meant[0])} if meant else ""
    return words % {"name": printable(name)} + hint


def _stages(outcome: Outcome) -> dict[str, float | None]:
    return stages_ms(pack_stages(outcome.stages))


def _milliseconds(spent: timedelta) -> float:
    return round(spent.total_seconds() * 1000, 1)
