"""Alarm: what is wrong with the backups of environments, as people are to be told."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, OuterRef, Q, Subquery, Window
from django.db.models.functions import RowNumber

from environments.choices import FINAL, Failure, Status
from environments.lifecycle.kinds import title_of
from environments.models import Environment, Operation

from ..choices import BROKEN, Condition
from ..models import Backup, Installation
from ..policy import alarms
from ..policy.alarms import Cause
from ..policy.nightly import MISSED_AFTER
from .nights import Starts, slot_in, starts_by_region, with_last_made, with_last_night

COMPARED_WITHIN = timedelta(days=60)
AHEAD_BY = timedelta(hours=1)
PARTS = {"database": "database_bytes", "uploaded files": "files_bytes"}


@dataclass(frozen=True)
class Alarm:
    """One thing that is wrong. `key` tells it from every other one of its environment, for as long as it lasts."""

    environment: Environment
    cause: Cause
    key: str
    sentence: str
    backup: UUID | None = None

    @property
    def is_urgent(self) -> bool:
        """Whether it has gone on for so long that it has a mark of its own."""
        return self.cause == Cause.NIGHTS_WITHOUT

    def __str__(self) -> str:
        return self.sentence


def alarms_of(environments: Iterable[Environment], now: datetime) -> dict[UUID, list[Alarm]]:
    """Everything that is wrong now in each of these environments, the worst first. A fixed number of queries."""
    asked = list(environments)
    looked = _Looked([place for place in asked if place.deleted_at is None], now)
    found: dict[UUID, list[Alarm]] = {place.pk: [] for place in asked}
    for alarm in looked.alarms():
        found[alarm.environment.pk].append(alarm)
    return found


class _Looked:
    """What was looked up of some environments at once."""

    def __init__(self, environments: list[Environment], now: datetime) -> None:
        self.now = now
        self.places = {place.pk: place for place in environments}
        self.starts: Starts = starts_by_region()
        self.made: dict[UUID, datetime] = {}
        self.nights, self.prunes = self._last_operations()
        self.running = self._running()
        self.busy = {one.environment_id for one in self.running if one.is_exclusive}

    def alarms(self) -> Iterator[Alarm]:
        nights = [alarm for place in self.places.values() for alarm in self._of_nights(place)]
        yield from self._of_vault()
        yield from (alarm for alarm in nights if alarm.is_urgent)
        yield from self._broken()
        yield from (alarm for alarm in nights if not alarm.is_urgent)
        yield from self._stalled()
        yield from self._ahead()
        yield from self._shrunk()
        for key, prune in self.prunes.items():
            if prune.status == Status.FAILED and prune.failure != Failure.CANCELLED:
                yield Alarm(self.places[key], Cause.NOT_PRUNED, "prune", prune.message)

    def _of_vault(self) -> Iterator[Alarm]:
        """As whoever wanted to use it found it last. It concerns every environment."""
        away = Installation.objects.exclude(vault_problem="").order_by("pk").first()
        for place in self.places.values() if away else ():
            assert away and away.vault_problem_since
            since = f"{away.vault_problem_since:%Y-%m-%d %H:%M} UTC"
            sentence = f"Backups can be neither made nor read since {since}. {away.vault_problem}"
            yield Alarm(place, Cause.VAULT, f"vault:{since}", sentence)

    # Nights

    def _of_nights(self, place: Environment) -> Iterator[Alarm]:
        since = place.nights_since
        if since is None:
            return
        starts_at = self.starts.get((place.region_id, place.cloud_version))
        if starts_at is None:
            sentence = (
                f"Nightly backups are on, but the region {place.region} has no start for cloud {place.cloud_version}. "
                "Give it one, or move the environment."
            )
            yield Alarm(place, Cause.NO_START, f"start:{place.cloud_version}", sentence)
            return
        last = self.nights.get(place.pk)
        slot = slot_in(str(last.unique_key)) if last else None
        since = max(since, place.created_at)
        missed = alarms.missed_slot(since=since, last=slot, now=self.now, starts_at=starts_at)
        if missed is not None:
            alarm = Alarm(place, Cause.MISSING, f"missing:{missed[0]:%Y-%m-%dT%H:%M}", _missing(*missed))
            yield self._weighed(alarm, missed[0], since, starts_at)
        elif last is not None and slot is not None:
            for alarm in self._of_last(place, last, slot):
                yield self._weighed(alarm, slot, since, starts_at)

    def _weighed(self, alarm: Alarm, slot: datetime, since: datetime, starts_at: time) -> Alarm:
        """The same alarm, or a stronger one when the nights before brought no backup either."""
        made = self.made.get(alarm.environment.pk)
        count = alarms.nights_without(since=since, made=made, slot=slot, starts_at=starts_at)
        if count < alarms.URGENT_AFTER_NIGHTS:
            return alarm
        last = f"the last one is of {made:%Y-%m-%d}" if made and made >= since else "there is none yet"
        sentence = f"No nightly backup for {count} nights in a row; {last}. {alarm.sentence}"
        return replace(alarm, cause=Cause.NIGHTS_WITHOUT, key=f"urgent:{alarm.key}", sentence=sentence)

    def _of_last(self, place: Environment, last: Operation, slot: datetime) -> Iterator[Alarm]:
        if last.status == Status.FAILED and last.failure != Failure.CANCELLED:
            sentence = f"The nightly backup of {slot:%Y-%m-%d} failed: {last.message}"
            yield Alarm(place, Cause.FAILED, f"failed:{last.pk}", sentence, last.subject)
        waits_since = max(last.created_at, last.not_before_at or last.created_at)
        is_waiting = last.status == Status.QUEUED and self.now - waits_since >= MISSED_AFTER
        if is_waiting and place.pk not in self.busy:
            sentence = (
                f"The nightly backup of {slot:%Y-%m-%d} waits for a worker since {waits_since:%Y-%m-%d %H:%M} UTC. "
                "Look after the workers."
            )
            yield Alarm(place, Cause.WAITING, f"waiting:{last.pk}", sentence, last.subject)

    def _last_operations(self) -> tuple[dict[UUID, Operation], dict[UUID, Operation]]:
        """The newest nightly of each environment, and the newest pruning that has ended."""
        # What a clock ahead asked for once says nothing of today.
        prunes = Operation.objects.filter(environment=OuterRef("pk"), kind="prune", status__in=FINAL)
        prunes = prunes.filter(created_at__lte=self.now)
        newest = prunes.order_by("-created_at", "-pk").values("pk")[:1]
        places = Environment.objects.filter(pk__in=self.places)
        rows = with_last_made(with_last_night(places, self.now), self.now).annotate(prune=Subquery(newest))
        found = list(rows.values_list("pk", "last_night", "last_made", "prune"))
        self.made = {place: slot_in(made) for place, _, made, _ in found if made}
        keys = [(last_night, prune) for _, last_night, _, prune in found]
        asked = Q(unique_key__in=[key for key, _ in keys if key]) | Q(pk__in=[prune for _, prune in keys if prune])
        ended = list(Operation.objects.filter(asked).order_by())
        by_kind = [{one.environment_id: one for one in ended if one.kind == kind} for kind in ("create", "prune")]
        return by_kind[0], by_kind[1]

    def _running(self) -> list[Operation]:
        return list(Operation.objects.filter(environment__in=self.places, status=Status.RUNNING).order_by("started_at"))

    def _stalled(self) -> Iterator[Alarm]:
        """Its worker lives, but nothing gets further: a server or a store that fell silent looks like this."""
        for one in self.running:
            tells = one.child or one.done_bytes is not None  # other work shows nothing by which to see it move
            if tells and one.moved_at and self.now - one.moved_at >= alarms.STALLED_AFTER:
                sentence = (
                    f"{title_of(one.kind)} stands still since {one.moved_at:%Y-%m-%d %H:%M} UTC, at: {one.phase}. "
                    "See whether the database server and the vault answer; a large index can take this long. "
                    "It may be cancelled."
                )
                yield Alarm(self.places[one.environment_id], Cause.STALLED, f"stalled:{one.pk}", sentence)

    # Backups

    def _broken(self) -> Iterator[Alarm]:
        rows = Backup.objects.filter(environment__in=self.places, condition__in=BROKEN, removal_at=None).completed()
        # Sorted here: asked to sort, the database goes through all backups in their order, and most are well.
        for backup in sorted(rows.order_by(), key=lambda one: one.created_at, reverse=True):
            is_gone = backup.condition == Condition.MISSING
            cause = Cause.GONE if is_gone else Cause.DAMAGED
            what = "is missing in the vault" if is_gone else "is damaged"
            sentence = (
                f"The backup of {backup.created_at:%Y-%m-%d %H:%M} UTC {what} and is no longer offered. "
                "Create another one, and look at the vault's disk."
            )
            yield Alarm(
                self.places[backup.environment_id], cause, f"{backup.condition}:{backup.pk}", sentence, backup.pk
            )

    def _ahead(self) -> Iterator[Alarm]:
        rows = Backup.objects.filter(environment__in=self.places, created_at__gt=self.now + AHEAD_BY, removal_at=None)
        for backup in rows.completed().order_by():
            sentence = (
                f"The backup of {backup.created_at:%Y-%m-%d %H:%M} UTC is dated ahead of now, "
                f"{self.now:%Y-%m-%d %H:%M} UTC: the clock was or is wrong. Look at the clock of this machine; "
                "the backup may be deleted."
            )
            yield Alarm(self.places[backup.environment_id], Cause.AHEAD, f"ahead:{backup.pk}", sentence, backup.pk)

    def _shrunk(self) -> Iterator[Alarm]:
        for key, (newest, *earlier) in self._last_sizes().items():
            for part, field in PARTS.items():
                share = alarms.shrank_to(newest[field], [row[field] for row in earlier])
                if share is not None:
                    sentence = (
                        f"The {part} in the backup of {newest['created_at']:%Y-%m-%d %H:%M} UTC: {share:.0%} of what "
                        "was usual. See whether something was lost."
                    )
                    told = f"shrunk:{newest['pk']}:{field}"
                    yield Alarm(self.places[key], Cause.SHRUNK, told, sentence, newest["pk"])

    def _last_sizes(self) -> dict[UUID, list[dict[str, Any]]]:
        """The newest Completed backups of each environment, newest first."""
        order = [F("created_at").desc(), F("pk").desc()]
        number = Window(RowNumber(), partition_by=F("environment_id"), order_by=order)
        sized = Backup.objects.filter(
            environment__in=self.places,
            created_at__gte=self.now - COMPARED_WITHIN,
            database_bytes__isnull=False,
            files_bytes__isnull=False,
        )
        rows = sized.completed().annotate(number=number).filter(number__lte=1 + alarms.LOOKED_AT)
        found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
        for row in rows.order_by("number").values("environment_id", "pk", "created_at", *PARTS.values()):
            found[row["environment_id"]].append(row)
        return found


def _missing(slot: datetime, count: int) -> str:
    nights = "" if count == 1 else f", the last of {count} that are missing"
    return (
        f"The nightly backup of {slot:%Y-%m-%d} is missing{nights}: it was due at {slot:%H:%M} UTC and nobody asked "
        "for it. Look after the workers; when they are back it is made up for."
    )
