"""Storms: many servers of an environment down at once are told to a channel by one message, which is kept up to date.

So many servers within the window make a storm. It takes in whoever fails within the window after the last one, for as
long as it takes; whoever fails later is on its own again, or begins another. Whatever joins a storm or leaves it does
so under the lock on its channel. The failures that it tells instead are its members: deliveries of the channel that are
skipped, or were sent before the storm began and point at it. Whether a member is still down is what its incident says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, When

from monitors.models import Incident
from monitors.policy import bounded
from monitors.transactions import retried_atomic
from notifications.instants import SKEW, is_ahead
from notifications.models import (
    ENDING,
    OPEN_STATES,
    TELLING,
    TOLD_STATES,
    Channel,
    Delivery,
    Kind,
    SkipReason,
    State,
    Storm,
    StormRule,
)
from notifications.outbox.claiming import can_edit

BETWEEN_EDITS = timedelta(seconds=3)
AFTER_OPENING = timedelta(seconds=2)
"""What is edited to point at the message of a storm waits so long for it to be posted."""
Told = Mapping[int, Mapping[str | None, Delivery]]
"""For each incident, by channel, the latest delivery that told of it as down."""
Place = tuple[str, str]
"""A channel and an environment."""


@dataclass(frozen=True, slots=True)
class Rule:
    servers: int = 5
    """0 = every failure is told by itself."""
    window: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class News:
    """That a server is down, for one channel."""

    delivery: Delivery
    environment: str
    server_id: int
    at: datetime
    """When it was known."""
    fresh: bool = True
    """Not told yet, and not stored."""


@dataclass(slots=True)
class Gathering:
    """What one storm has gained."""

    joined_at: datetime
    storm_id: int | None = None
    """None for a storm that begins."""
    began_at: datetime | None = None
    """Of a storm that is under way. What seems to have failed long before it has failed long after it, by a clock that
    was set back."""
    members: list[News] = field(default_factory=list)

    def takes(self, news: News, window: timedelta) -> bool:
        began_at = self.began_at or news.at
        return began_at - window <= news.at <= self.joined_at + window

    def join(self, news: News) -> None:
        self.members.append(news)
        self.joined_at = max(self.joined_at, news.at)


def gather(news: Iterable[News], rule: Rule, joinable: Gathering | None) -> list[Gathering]:
    """A rule on instants, without the database. The storms that gain members by `news` of one environment: `joinable`,
    which is under way, and those that begin.

    What was told earlier is drawn only into a storm that begins, never into one that had begun without it; and none
    begins of earlier ones alone.
    """
    if not rule.servers:
        return []
    current, begun = joinable, list[Gathering]()
    loose: list[News] = []
    for one in sorted(news, key=lambda one: one.at):
        if current and current.takes(one, rule.window) and (one.fresh or current is not joinable):
            current.join(one)
            continue
        loose = [*(other for other in loose if other.at >= one.at - rule.window), one]
        if len({other.server_id for other in loose}) >= rule.servers and any(other.fresh for other in loose):
            current = Gathering(joined_at=one.at, members=loose)
            begun.append(current)
            loose = []
    return [gathering for gathering in (joinable, *begun) if gathering and gathering.members]


def members(storm_id: int) -> QuerySet[Incident]:
    """The outages that the storm tells."""
    told = Delivery.objects.filter(storm=storm_id, kind__in=TELLING)
    return Incident.objects.filter(pk__in=told.values("incident_id"))


def absorb(news: Sequence[News], now: datetime) -> list[Delivery]:
    """Let storms tell the news that belong to them. Returns the deliveries that announce those which begin.

    The fresh deliveries are changed and not stored; what was told earlier is. Needs the lock on the channels of `news`,
    and a number of statements that depends on the number of storms alone.
    """
    if not news:
        return []
    rules = _rules()
    places: dict[Place, list[News]] = defaultdict(list)
    for one in news:
        if rules[one.environment].servers:
            places[one.delivery.channel_id or "", one.environment].append(one)
    under_way = _joinable({channel_id for channel_id, _ in places})
    lonely = {place: found for place, found in places.items() if not _all_join(found, rules, under_way.get(place))}
    earlier = _told_earlier(lonely, rules)
    opening: list[Delivery] = []
    joined: list[int] = []
    for place, found in places.items():
        both = [*found, *earlier.get(place, ())]
        for gathering in gather(both, rules[place[1]], under_way.get(place)):
            if gathering.storm_id is None:
                opening.append(_begin(gathering, *place, now))
            else:
                joined.append(gathering.storm_id)
                Storm.objects.filter(pk=gathering.storm_id).update(joined_at=gathering.joined_at)
            _take_in(gathering, now)
    show_change(joined, now)
    return opening


def _rules() -> dict[str, Rule]:
    rules: dict[str, Rule] = defaultdict(Rule)
    for environment, servers, seconds in StormRule.objects.values_list("environment", "servers", "seconds"):
        rules[environment] = _bounded(servers, seconds)
    return rules


def _bounded(servers: Any, seconds: Any) -> Rule:
    """What holds of a stored rule: one that is out of bounds must not hold up the news of every server."""
    number, window, usual = bounded(servers, *StormRule.SERVERS), bounded(seconds, *StormRule.SECONDS), Rule()
    return Rule(
        0 if servers == 0 else usual.servers if number is None else number,
        usual.window if window is None else timedelta(seconds=window),
    )


def _joinable(channel_ids: Collection[str]) -> dict[Place, Gathering]:
    """Of each place the storm that was joined last. One whose message was refused tells nobody, so that nobody
    joins it."""
    if not channel_ids:
        return {}
    storms = open_storms().filter(channel__in=channel_ids).filter(_told())
    return {
        (storm.channel_id, storm.environment): Gathering(storm.joined_at, storm.pk, began_at=storm.began_at)
        for storm in storms.order_by("joined_at", "pk")
    }


def open_storms() -> QuerySet[Storm]:
    return Storm.objects.filter(ended_at=None)


def _told() -> Exists:
    """Of a storm: its channel has been told of it, or is about to be."""
    return Exists(Delivery.objects.filter(storm=OuterRef("pk"), kind=Kind.STORM, state__in=TOLD_STATES))


def _all_join(news: Iterable[News], rules: Mapping[str, Rule], storm: Gathering | None) -> bool:
    return storm is not None and all(storm.takes(one, rules[one.environment].window) for one in news)


def _told_earlier(places: Mapping[Place, Sequence[News]], rules: Mapping[str, Rule]) -> dict[Place, list[News]]:
    """What the channels were told, or are about to be, of outages that go on and are in no storm; as far back as the
    windows reach."""
    if not places:
        return {}
    since = min(one.at - rules[one.environment].window for news in places.values() for one in news)
    environments = {environment for _, environment in places}
    going_on = Incident.objects.filter(ended_at=None, environment__in=environments)
    rows = Delivery.objects.filter(
        channel__in={channel_id for channel_id, _ in places},
        created_at__gte=since,
        kind__in=TELLING,
        state__in=TOLD_STATES,
        storm=None,
        incident_id__in=going_on.values("pk"),
    ).select_related("transition")
    told = list(rows.order_by("id"))
    servers = dict(Incident.objects.in_bulk([row.incident_id for row in told])) if told else {}
    found: dict[Place, list[News]] = defaultdict(list)
    for row in told:
        incident = servers[row.incident_id or 0]
        at = row.transition.at if row.transition else row.created_at
        news = News(row, incident.environment, incident.server_id, at, fresh=False)
        found[row.channel_id or "", incident.environment].append(news)
    return found


def _begin(gathering: Gathering, channel_id: str, environment: str, now: datetime) -> Delivery:
    storm = Storm.objects.create(
        channel_id=channel_id,
        environment=environment,
        began_at=min(one.at for one in gathering.members),
        joined_at=gathering.joined_at,
    )
    gathering.storm_id = storm.pk
    return _message(storm, Kind.STORM, "open", now)


def _message(storm: Storm, kind: Kind, name: str, now: datetime) -> Delivery:
    return Delivery(
        kind=kind,
        channel_id=storm.channel_id,
        key=f"storm:{storm.pk}:{name}",
        storm=storm,
        created_at=now,
        next_attempt_at=now,
    )


def _take_in(gathering: Gathering, now: datetime) -> None:
    """Nothing of what is new is sent, nor what surely did not arrive; what may be there is edited."""
    for one in gathering.members:
        if one.fresh:
            _give_to(one.delivery, gathering.storm_id)
    earlier = [one.delivery.pk for one in gathering.members if not one.fresh]
    if earlier:
        told = Delivery.objects.filter(pk__in=earlier, state__in=TOLD_STATES)
        unsent = told.filter(state=State.PENDING, possible_repeat=False)
        unsent.update(state=State.SKIPPED, reason=SkipReason.ABSORBED, storm=gathering.storm_id, edit_due_at=None)
        told.update(storm=gathering.storm_id)
        told.exclude(state=State.SENT, remote_id="").update(edit_due_at=now + AFTER_OPENING)


def _give_to(delivery: Delivery, storm_id: int | None) -> None:
    delivery.state, delivery.reason, delivery.storm_id = State.SKIPPED, SkipReason.ABSORBED, storm_id


def told_by_storms(told: Told) -> set[int]:
    """Of the storms which these deliveries belong to, those that tell, or have told, of their members."""
    ids = {row.storm_id for by_channel in told.values() for row in by_channel.values() if row.storm_id}
    if not ids:
        return set()
    telling = Q(state__in=TOLD_STATES) | Q(state=State.SKIPPED, reason=SkipReason.ABSORBED)
    rows = Delivery.objects.filter(telling, storm__in=ids, kind=Kind.STORM)
    return set(rows.values_list("storm_id", flat=True))


def absorb_endings(deliveries: Iterable[Delivery], told: Told, telling: Collection[int], now: datetime) -> None:
    """Let each outage that a storm tells end in its message. `telling`: see `told_by_storms`.

    Whoever was told of a failure by a message of its own, before a storm began that came to nothing, is told its end.
    """
    changed = set()
    for delivery in deliveries:
        earlier = told[delivery.incident_id or 0].get(delivery.channel_id) if delivery.kind in ENDING else None
        if earlier is None or earlier.storm_id is None:
            continue
        if earlier.state == State.SKIPPED or earlier.storm_id in telling:
            _give_to(delivery, earlier.storm_id)
            changed.add(earlier.storm_id)
    show_change(changed, now)


def show_change(storm_ids: Collection[int], now: datetime) -> None:
    """Let the messages of these storms be brought up to date: now, or 3 s after they were written last. An edit that is
    due already, or waits for the medium, stays as it is; while one is being written, another is due 3 s after its
    claim."""
    if not storm_ids:
        return
    messages = Delivery.objects.filter(storm__in=storm_ids, kind=Kind.STORM, state__in=TOLD_STATES)
    lately = Q(edited_at__gt=now - BETWEEN_EDITS, edited_at__lte=now + SKEW)
    due_at = Case(
        When(lease_until__gt=now, planned_at__isnull=False, then=F("planned_at") + BETWEEN_EDITS),
        When(lately, then=F("edited_at") + BETWEEN_EDITS),
        default=now,
    )
    messages = messages.exclude(state=State.SENT, remote_id="")  # of a medium that edits nothing
    messages.filter(Q(edit_due_at=None) | Q(lease_until__gt=now)).update(edit_due_at=due_at)


def recount(environments: Collection[str], now: datetime) -> None:
    """The messages of storms tell how many are down in the whole environment: let them be brought up to date by what
    happens outside of the storms too."""
    if environments:
        show_change(list(open_storms().filter(environment__in=environments).values_list("pk", flat=True)), now)


def end_refused(channel_ids: Collection[str], now: datetime) -> None:
    """End the storms whose message was refused, without a word: whoever of them is still down is told anew."""
    refused = Delivery.objects.filter(storm=OuterRef("pk"), kind=Kind.STORM, state=State.FAILED)
    storms = open_storms().filter(Exists(refused), channel__in=channel_ids)
    if ids := list(storms.values_list("pk", flat=True)):
        Storm.objects.filter(pk__in=ids).update(ended_at=now)


def told_in_storms(channel_ids: Collection[str]) -> set[tuple[str | None, int | None]]:
    """Channel and incident of every member of a storm that goes on and is told."""
    storms = open_storms().filter(channel__in=channel_ids).filter(_told())
    rows = Delivery.objects.filter(storm__in=list(storms.values_list("pk", flat=True)), kind__in=TELLING)
    return set(rows.values_list("channel_id", "incident_id"))


def go_on(now: datetime) -> None:
    """End the storms whose last member has recovered, and sum up, where messages cannot be edited, what came after the
    first message. One statement without a storm, and four at most when nothing is to be done, however many storms go
    on."""
    if not open_storms().exists():
        return
    told = Delivery.objects.filter(incident_id=OuterRef("pk"), storm=OuterRef(OuterRef("pk")), kind__in=TELLING)
    down = Incident.objects.filter(Exists(told), ended_at=None)  # few, as a rule; the members may be ten thousand
    summary = Delivery.objects.filter(storm=OuterRef("pk"), kind=Kind.STORM_SUMMARY)
    storms = list(open_storms().order_by("pk").annotate(goes_on=Exists(down), is_summed_up=Exists(summary)))
    for storm in storms:
        if not storm.goes_on:
            _end(storm.pk, now)
    for storm_id in _calm([storm for storm in storms if storm.goes_on and not storm.is_summed_up], now):
        _sum_up(storm_id, now)


def _calm(storms: Sequence[Storm], now: datetime) -> list[int]:
    """Those whose messages cannot be edited, and that nobody joins any more."""
    if not storms:
        return []
    rules = _rules()
    calm = [
        storm
        for storm in storms
        if now > storm.joined_at + rules[storm.environment].window or is_ahead(storm.joined_at, now)
    ]
    channels = Channel.objects.in_bulk({storm.channel_id for storm in calm}).values() if calm else ()
    fixed = {channel.pk for channel in channels if not can_edit(channel)}
    return [storm.pk for storm in calm if storm.channel_id in fixed]


@retried_atomic
def _end(storm_id: int, now: datetime) -> None:
    """The end is told by a message of its own: nobody is notified of an edit."""
    storm = _locked(storm_id)
    if storm is None or members(storm_id).filter(ended_at=None).exists():
        return
    Storm.objects.filter(pk=storm_id).update(ended_at=now)
    end = _message(storm, Kind.STORM_END, "end", now)
    Delivery.objects.bulk_create([end], ignore_conflicts=True)
    show_change([storm_id], now)


def _locked(storm_id: int) -> Storm | None:
    """The storm, under the lock on its channel; None when it has ended."""
    storm = open_storms().filter(pk=storm_id).first()
    if storm is None:
        return None
    list(Channel.objects.select_for_update().filter(pk=storm.channel_id).values_list("pk"))
    return open_storms().filter(pk=storm_id).first()


@retried_atomic
def _sum_up(storm_id: int, now: datetime) -> None:
    """Once the first message has left; skipped when nobody has joined since that was written."""
    storm = _locked(storm_id)
    opening = Delivery.objects.filter(storm=storm_id, kind=Kind.STORM).first()
    if storm is None or opening is None or opening.state in OPEN_STATES:
        return
    summary = _message(storm, Kind.STORM_SUMMARY, "summary", now)
    written_at = opening.edited_at or opening.created_at
    later = Delivery.objects.filter(storm=storm_id, kind__in=TELLING, pk__gt=opening.pk)
    if not is_ahead(written_at, now):
        later = later.filter(created_at__gt=written_at - SKEW)
    if not later.exists():
        summary.state, summary.reason = State.SKIPPED, SkipReason.ABSORBED
    Delivery.objects.bulk_create([summary], ignore_conflicts=True)
