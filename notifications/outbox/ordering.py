"""In which order a channel is told of things that belong together.

The last word about a server has to be the latest: "up again" behind the news of the next outage says of a server that
is down that it is up. So news of a server wait for all older news of it, whatever outage those are of. The end of a
storm speaks of a whole environment, so what fails there next waits for it. The beginning of a storm waits for nothing
else: it has to be there at once.

What Slack has refused for good, or is not told at all, holds nothing back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitors.models import Incident
from notifications.models import Delivery, Kind

Matter = tuple[str, int | str]
"""A server, a storm, or the end of the storms of an environment."""
STARTING = (Kind.FAILURE, Kind.ONGOING, Kind.STORM)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a delivery stands among the others of its channel."""

    tells: frozenset[Matter] = frozenset()
    follows: frozenset[Matter] = frozenset()
    """Nothing older that tells one of these may be open when it is sent."""


def places(deliveries: Sequence[Delivery]) -> Iterator[tuple[Delivery, Place]]:
    """Each delivery with its place. One query for all of them; their storms are to be there already."""
    ids = {delivery.incident_id for delivery in deliveries if delivery.incident_id}
    rows = Incident.objects.filter(pk__in=ids).values_list("pk", "server_id", "environment") if ids else ()
    incidents = {pk: (server_id, environment) for pk, server_id, environment in rows}
    for delivery in deliveries:
        yield delivery, _place(delivery, incidents.get(delivery.incident_id or 0))


def _place(delivery: Delivery, incident: tuple[int, str] | None) -> Place:
    about: Matter
    if delivery.incident_id is not None:
        server_id, environment = incident or (-delivery.incident_id, "")  # the outage is no longer kept
        about = ("server", server_id)
    elif delivery.storm is not None:
        about, environment = ("storm", delivery.storm.pk), delivery.storm.environment
    else:
        return Place()
    end: Matter = ("end of storms", environment)
    tells = {about, end} if delivery.kind == Kind.STORM_END else {about}
    follows = {about, end} if delivery.kind in STARTING else {about}
    return Place(frozenset(tells), frozenset(follows))
