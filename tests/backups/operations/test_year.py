"""A year of nights, noons and people, with the real operations on a tiny database, by a turned clock.

On every day the backups that are kept are those that the table of the schedule says, computed a second time, naively.
PORTAL_TEST_THOROUGH=1 takes the whole of a leap year, else it is its first five weeks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

import pytest

from backups.choices import Condition
from backups.models import Backup, DeadObject
from backups.operations.create import request_create
from backups.operations.nightly import queue_nightlies
from backups.operations.prune import request_due_prunes, request_prune
from backups.operations.verify import request_due_verifications
from backups.storage.survey import survey
from backups.storage.vault import open_vault
from environments import clock
from environments.actors import Actor
from environments.choices import Status
from environments.lifecycle.run import run
from environments.models import Activity, Environment, Operation
from tests.backups.operations.nights import regions, since
from tests.backups.policy import naive
from tests.backups.policy.histories import IS_THOROUGH

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.hypothesis]  # the second for `make properties`

FIRST = date(2024, 1, 26)  # in the past, so that the database's own clock holds nothing back
DAYS = 366 if IS_THOROUGH else 36
SLOT, NOON = time(19, 0), time(12, 0)
OFF = {12, 13} | set(range(100, 109)) | set(range(200, 241))  # days on which the machine is off: 2, 9 and 41 of them
DAY = timedelta(days=1)
INES = Actor("Ines Duarte", "person")
TOO_MANY, GAP = "would go at once", "the newest good one is from"


@dataclass
class Year:
    """What happened, and what is to be kept of it."""

    place: Environment
    random: Random = field(default_factory=lambda: Random(2024))
    expiries: dict[UUID, datetime] = field(default_factory=dict)
    created: dict[UUID, datetime] = field(default_factory=dict)
    missed: list[date] = field(default_factory=list)

    def live(self) -> None:
        for number in range(DAYS):
            day = FIRST + number * DAY
            if number in OFF:
                self.missed.append(day)
                continue
            self.change_files(number)
            if number % 6 == 5:
                self.person(at(day, time(9, 30)))
            self.noon(at(day, NOON))
            self.night(day)

    def change_files(self, number: int) -> None:
        root = Path(self.place.files_directory)
        (root / f"{number % 9}.bin").write_bytes(self.random.randbytes(4_000))
        (root / f"kept-{number % 30}.txt").write_bytes(b"words " * number)

    def person(self, moment: datetime) -> None:
        with clock.turned_to(moment):
            backup = request_create(self.place, by=INES, is_rung=False)
            run(backup.operation_id)
        self.remember(backup.pk, naive.rule(moment.date()))

    def night(self, day: date) -> None:
        """The scheduler looks a minute early, when it is time, and again; a worker does what was asked for."""
        slot = at(day, SLOT)
        made = []
        for late in (-60, 20, 80):
            with clock.turned_to(slot + timedelta(seconds=late)):
                made += queue_nightlies()
        # What was missed is made up for before the first slot that comes, in one.
        for backup in made:
            with clock.turned_to(backup.created_at):
                run(backup.operation_id)
        stands_for = [[*self.missed], [day]] if self.missed else [[day]]
        assert len(made) == len(stands_for)
        for backup, days in zip(made, stands_for, strict=True):
            assert backup.slot_at == at(days[-1], SLOT)
            self.remember(backup.pk, naive.longest(days))
        self.missed.clear()

    def noon(self, moment: datetime) -> None:
        """Prune. Where a guard holds everything because too much would go at once, somebody looks and forces it."""
        held = self.is_held_back(moment)
        with clock.turned_to(moment):
            for operation in [one for page in request_due_prunes() for one in page]:
                run(operation.pk)
                operation.refresh_from_db()
                assert (operation.status == Status.FAILED) == bool(held), operation.message
                assert held in operation.message
            if held == TOO_MANY:
                assert set(self.kept()) == set(self.expiries)
                run(request_prune(self.place, by=INES, is_forced=True, is_rung=False).pk)
        if held != GAP:
            self.forget_expired(moment)
        assert set(self.kept()) == set(self.expiries), f"on {moment:%Y-%m-%d}"

    def is_held_back(self, moment: datetime) -> str:
        """The two guards, read once more from the specification."""
        going = [backup for backup, expiry in self.expiries.items() if expiry <= moment and backup != self.newest]
        if len(going) > 10 and len(going) > len(self.expiries) / 2:
            return TOO_MANY
        is_recent = any(moment - created <= timedelta(days=3) for created in self.created.values())
        return GAP if going and not is_recent else ""

    @property
    def newest(self) -> UUID | None:
        return max(self.created, key=lambda backup: self.created[backup], default=None)

    def forget_expired(self, moment: datetime) -> None:
        for backup in [backup for backup, expiry in self.expiries.items() if expiry <= moment]:
            if backup != self.newest:
                del self.expiries[backup], self.created[backup]

    def kept(self) -> Iterator[UUID]:
        return Backup.objects.filter(environment=self.place).values_list("pk", flat=True).iterator()

    def remember(self, backup: UUID, rule: str) -> None:
        row = Backup.objects.select_related("operation").get(pk=backup)
        assert row.status == Status.COMPLETED, row.operation.message
        assert row.kept_by == rule
        self.created[backup] = row.created_at
        self.expiries[backup] = naive.expiry(row.created_at, rule)


def at(day: date, when: time) -> datetime:
    return datetime.combine(day, when, tzinfo=UTC)


def test_on_every_day_those_are_kept_that_the_table_says(make_place: Callable[..., Environment]) -> None:
    regions()
    place = since(make_place("CREATE TABLE orders (id int)"), at(FIRST, time(8, 0)))
    year = Year(place)

    year.live()

    end = at(FIRST + DAYS * DAY, NOON)
    year.noon(end)
    removed = Activity.objects.filter(action="backup.removed").count()
    made = Operation.objects.filter(kind="create", status=Status.COMPLETED).count()
    assert made - removed == len(year.expiries)
    check_that_all_of_them_read(place, end)
    check_that_nothing_else_is_stored(place, end)


def check_that_all_of_them_read(place: Environment, end: datetime) -> None:
    with clock.turned_to(end):
        for operation in [one for page in request_due_verifications() for one in page]:
            run(operation.pk)
    conditions = Backup.objects.filter(environment=place).values_list("condition", flat=True)
    assert set(conditions) == {Condition.GOOD}


def check_that_nothing_else_is_stored(place: Environment, end: datetime) -> None:
    """What is dead is waiting for its day to be over, and nothing is half dead."""
    found = survey(open_vault(), place.pk)
    assert found.dead <= set(DeadObject.objects.values_list("name", flat=True))
    assert found.half_dead == []
