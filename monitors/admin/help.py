"""What the fields of the admin mean that are only shown: those that can be filled in say it in their models."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

SHOWN: dict[str, Promise] = {
    # where a server stands
    "server": _("The server that this is about."),
    "name": _("The server that this is about; its number when it is deleted."),
    "state": _("What the dashboard shows: paused masks the rest."),
    "in_words": _("What is stored: a pause masks it."),
    "since": _("Since when it has been so: for an outage, the first failed probe."),
    "failure": _("The latest failure, kept until the server is healthy again."),
    "failure_line": _("What went wrong, and the detail of it."),
    "first_failure_line": _("What the run of failures began with; it may end with something else."),
    "successes": _("The run that may end an outage."),
    "failures": _("The run that may begin an outage."),
    "inconclusive": _("Probes in which the monitor itself could not look: they move no counter."),
    "run_began_at": _("The first probe of the run that counts now."),
    "last_checked": _("When the last probe began."),
    "last_checked_at": _("When the last probe began."),
    "latency": _("How long the last probe took in all."),
    "latency_ms": _("How long the last probe took in all."),
    "next_probe": _("The next slot of the server's own grid."),
    "next_probe_at": _("The next slot of the server's own grid."),
    "stages_line": _("How long each stage took that was reached: name, connection, TLS, first byte."),
    "peer": _("The address behind the name that was really connected to."),
    "status": _("The status code of the final answer, where there was one."),
    "certificate_expires_at": _(
        "The earliest end of the certificates seen last. Fourteen days before, the server's page warns."
    ),
    "certificate_subject": _("Whose certificate ends first: that of the server or one of its authorities."),
    # settings of a server
    "in_force": _("The value that holds, and where it comes from: server, policy or variable."),
    "masked_host": _("Without user names, passwords and queries, which may be secrets."),
    "masked_path": _("Without the query, which may be a secret."),
    "stored_headers": _("Their names; the values are secrets and are never shown."),
    "paused": _("A paused server is not probed. Pause and resume by the actions of the list or on its page."),
    "paused_reason": _("What whoever paused it wrote down."),
    "from_inventory": _("Added by the inventory. When it vanishes there, it is paused here."),
    "updated_at": _("When anything of it was last edited."),
    # incidents and changes
    "host_name": _("The name that the server had then."),
    "environment": _("The environment that the server was in then."),
    "address": _("Where the monitor looked then."),
    "ended_at": _("The first success of the recovering run, or when somebody ended it; empty while it lasts."),
    "duration": _("From the first failed probe to the first success, or until now."),
    "end_reason": _("By probes that succeeded, or because somebody paused, edited or deleted the server."),
    "acknowledged_by": _("Who said first that they take care of it."),
    "acknowledged_at": _("When they said so."),
    "at": _("The probe, or the act, that made it happen."),
    "change": _("From which health to which."),
    "reason": _("Outcomes of probes, or what somebody did."),
    "outage": _("What it says about an outage; empty when nobody needs to be told."),
    "incident": _("The outage that it belongs to."),
    "created_at": _("When it was stored."),
    "handed_over_at": _("When the messages about it were prepared; each has its own state under Deliveries."),
    # history
    "blips": _("Failed checks that did not become an incident."),
    "slot": _("The instant at which the probe was due."),
    "outcome": _("What the probe found."),
    "milliseconds": _("From the first packet to the judgement."),
    "start": _("The first instant that is covered."),
    "resolution": _("How much time one row covers: a minute, an hour or a day."),
    "succeeded": _("Probes that found what was expected."),
    "failed": _("Probes that found the server failing."),
    "mean": _("Of the probes that succeeded."),
    "longest": _("Of the probes that succeeded."),
    # the monitor itself
    "began_at": _("The first instant of it."),
    "length": _("How long nothing was probed."),
    "age": _("How long ago that was."),
    "started_at": _("When it began."),
    "finished_at": _("When it was done; empty for one that is running, or was cut off."),
    "dry_run": _("Only compared: nothing was written."),
    "unchanged": _("Servers that were as the inventory says."),
    "created": _("Servers that only the inventory had."),
    "changed": _("Servers that the inventory describes otherwise."),
    "vanished": _("Servers that came from the inventory and are there no longer: they are paused."),
    "rejected": _("Entries of the inventory that make no server, each with the reason."),
    "error": _("Why the inventory could not be read; empty when it was."),
    # keys
    "user": _("Whose rights the key has."),
    "ends_in": _("The last letters of the key, to tell it from others. The key itself is stored nowhere."),
    "last_used_at": _("When a request last came with it."),
}
