"""Take what may be a secret out of the addresses that were kept with outages and with runs of the inventory."""

import re

from django.db import migrations
from django.db.models import Q

CHUNK = 1_000
READABLE = re.compile(r"(?:https?|wss?)://(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+):[0-9]+/")
"""How an address begins that could be read. Only others may have a user name and a password, before an @."""


def bare(address):
    if "@" in address and not READABLE.match(address):
        scheme, mark, _rest = address.partition("://") if "://" in address else ("", "", "")
        address = scheme + mark + address.rpartition("@")[2]
    return re.split(r"[?#]", address, maxsplit=1)[0]


def conceal(apps, schema_editor):
    Incident = apps.get_model("monitors", "Incident")
    suspect = Incident.objects.filter(Q(address__contains="?") | Q(address__contains="@") | Q(address__contains="#"))
    last = 0
    while found := list(suspect.filter(pk__gt=last).order_by("pk").only("pk", "address")[:CHUNK]):
        for incident in found:
            incident.address = bare(incident.address)
        Incident.objects.bulk_update(found, ["address"], batch_size=CHUNK)
        last = found[-1].pk
    InventoryRun = apps.get_model("monitors", "InventoryRun")
    for run in InventoryRun.objects.only("pk", "changed"):  # a hundred at most
        for change in run.changed:
            if "host" in change["changes"]:
                change["changes"]["host"] = [bare(str(host)) for host in change["changes"]["host"]]
        run.save(update_fields=["changed"])


class Migration(migrations.Migration):
    atomic = False  # each chunk by itself: nobody waits for all of them

    dependencies = [("monitors", "0018_audit_entry")]

    operations = [migrations.RunPython(conceal, migrations.RunPython.noop)]
