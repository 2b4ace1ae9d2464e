"""What Home says of each environment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, F, Max, Q, Sum

from backups.choices import BROKEN
from backups.models import Backup
from backups.operations.alarm import Alarm, alarms_of
from backups.operations.nights import next_nightly, nights_of, starts_by_region
from backups.policy.alarms import Cause
from backups.policy.nightly import Night, SlotWords
from environments import clock
from environments.choices import Status
from environments.models import Environment, Operation

from .strips import Strip, strip_of

TOO_OLD = timedelta(hours=48)
A_NIGHT = timedelta(hours=26)  # a day, and the two hours after which a nightly counts as missed


@dataclass(frozen=True)
class Card:
    environment: Environment
    last_good_at: datetime | None
    count: int
    total_bytes: int
    running: Operation | None
    nights: list[Night]
    next_nightly: SlotWords | None
    alarms: list[Alarm]

    @property
    def own_alarms(self) -> list[Alarm]:
        """What is wrong here alone; a vault that is away is said once for all."""
        return [alarm for alarm in self.alarms if alarm.cause != Cause.VAULT]

    @property
    def strip(self) -> Strip:
        return strip_of(self.nights)

    @property
    def is_covered(self) -> bool:
        """Whether a good backup is left from the last night, whoever asked for it."""
        if self.last_good_at is None:
            return False
        return not self.environment.is_nightly_on or clock.now() - self.last_good_at < A_NIGHT

    @property
    def is_too_old(self) -> bool:
        """Whether a nightly one is missing: whoever has none at all is not old, but has none."""
        is_nightly_on = self.environment.is_nightly_on
        return is_nightly_on and self.last_good_at is not None and clock.now() - self.last_good_at > TOO_OLD

    @property
    def urgency(self) -> tuple[bool, bool, bool]:
        """Sorts the worst first."""
        return (self.last_good_at is not None, self.is_covered, not self.own_alarms)


def cards_of(environments: Iterable[Environment]) -> list[Card]:
    """A card per environment, worst first. A fixed number of queries."""
    places = {one.pk: one for one in environments}
    creates = Operation.objects.filter(environment__in=places, kind="create", status=Status.RUNNING)
    running = {one.environment_id: one for one in creates}
    sums, now = _sums(list(places)), clock.now()
    nights, starts = nights_of(places.values(), now), starts_by_region()
    alarms = alarms_of(places.values(), now)
    cards = []
    for key, place in places.items():
        last_good_at, count, size = sums.get(key, (None, 0, 0))
        coming = next_nightly(place, starts.get((place.region_id, place.cloud_version)), now)
        cards.append(Card(place, last_good_at, count, size, running.get(key), nights.get(key, []), coming, alarms[key]))
    return sorted(cards, key=lambda card: card.urgency)


def vault_in_words(cards: Iterable[Card]) -> str:
    """Why the vault cannot be used, in one sentence; empty while it can."""
    found = (alarm.sentence for card in cards for alarm in card.alarms if alarm.cause == Cause.VAULT)
    return next(found, "")


def _sums(places: list[UUID]) -> dict[UUID, tuple[datetime | None, int, int]]:
    """The last good backup, and count and size of all that are kept."""
    is_kept = Q(operation__status=Status.COMPLETED)
    is_good = is_kept & Q(removal_at=None) & ~Q(condition__in=BROKEN)
    rows = (
        Backup.objects.filter(environment__in=places)
        .order_by()
        .values_list("environment")
        .annotate(
            last_good_at=Max("created_at", filter=is_good),
            kept_count=Count("pk", filter=is_kept),
            kept_bytes=Sum(F("database_bytes") + F("files_bytes"), filter=is_kept, default=0),
        )
    )
    return {place: (last_good_at, count, size) for place, last_good_at, count, size in rows}
