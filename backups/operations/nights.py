"""The nights of environments: which slots were asked for, and what became of them.

Taken from operations, not from backups: a nightly that was pruned was made all the same. The slot stands in the key.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from django.db.models import CharField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat, Replace

from environments.choices import Origin, Status
from environments.models import Environment, Operation, RegionStart

from ..policy import nightly
from ..policy.nightly import Night

SLOT = "%Y-%m-%dT%H:%MZ"
Starts = dict[tuple[int, str], time]


def key_of(environment: Environment, slot: datetime) -> str:
    """The unique key of an environment's nightly of a slot."""
    return f"nightly:{environment.pk.hex}:{slot.astimezone(UTC):{SLOT}}"


def slot_in(key: str) -> datetime:
    """The slot that a key names."""
    return datetime.strptime(key.split(":", 2)[2], SLOT).replace(tzinfo=UTC)


def starts_by_region() -> Starts:
    """When nights begin, in UTC, by region and cloud version. One query."""
    rows = RegionStart.objects.values_list("region_id", "cloud_version", "starts_at")
    return {(region, version): starts_at for region, version, starts_at in rows}


def with_last_night(environments: QuerySet[Environment], now: datetime) -> QuerySet[Environment]:
    """The same environments, each with the key of its newest nightly whose slot is not later than `now`."""
    return environments.annotate(last_night=Subquery(_nights_until(now).values("unique_key")[:1]))


def with_last_made(environments: QuerySet[Environment], now: datetime) -> QuerySet[Environment]:
    """The same environments, each with the key of its newest such nightly that is Completed."""
    made = _nights_until(now).filter(status=Status.COMPLETED)
    return environments.annotate(last_made=Subquery(made.values("unique_key")[:1]))


def _nights_until(now: datetime) -> QuerySet[Operation]:
    """The nightlies of an environment that is asked about, newest slot first."""
    identity = Replace(Cast(OuterRef("pk"), CharField()), Value("-"), Value(""))
    first = Concat(Value("nightly:"), identity, Value(":"), output_field=CharField())
    last = Concat(first, Value(f"{now.astimezone(UTC):{SLOT}}"), output_field=CharField())
    return Operation.objects.filter(unique_key__gt=first, unique_key__lte=last).order_by("-unique_key")


def last_slot(environment: Environment) -> datetime | None:
    """The slot of the newest nightly of an environment that came `with_last_night`."""
    key = vars(environment)["last_night"]
    return slot_in(key) if key else None


def nights_of(environments: Iterable[Environment], now: datetime) -> dict[UUID, list[Night]]:
    """What became of the last 30 nights of each environment, oldest first. Two queries."""
    places = list(environments)
    since = now - timedelta(days=nightly.NIGHTS_SHOWN + 1)
    rows = Operation.objects.filter(
        environment__in=places,
        kind="create",
        origin=Origin.NIGHTLY,
        created_at__gte=since,
        unique_key__startswith="nightly:",
    ).order_by()
    outcomes: dict[UUID, list[tuple[datetime, str]]] = defaultdict(list)
    for environment, key, status in rows.values_list("environment_id", "unique_key", "status"):
        outcomes[environment].append((slot_in(str(key)), status))
    starts = starts_by_region()
    return {
        place.pk: nightly.night_states(
            outcomes[place.pk],
            existed_since=place.created_at,
            nightly_since=place.nights_since if start else None,
            now=now,
            starts_at=start or time(),
        )
        for place in places
        for start in [starts.get((place.region_id, place.cloud_version))]
    }


def next_nightly(environment: Environment, starts_at: time | None, now: datetime) -> nightly.SlotWords | None:
    """When the next nightly backup of an environment starts, in words; None where there is none.

    `starts_at` is when its region's nights begin, in UTC.
    """
    if starts_at is None or not environment.is_nightly_on or not environment.is_registered:
        return None
    return nightly.next_slot_words(now, starts_at, environment.region.zone, environment.region.city)
