"""Nightly: one backup an environment and slot, whoever asks and however often; late ones, busy ones, failed ones."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backups.choices import Rule
from backups.models import Backup
from backups.operations.create import request_create
from backups.operations.nightly import queue_nightlies
from backups.operations.nights import nights_of
from environments import clock
from environments.actors import NIGHTLY, Actor
from environments.choices import Failure, Origin, Status
from environments.lifecycle.cancel import cancel
from environments.models import Activity, Environment, Operation, Region
from tests.backups.operations.nights import LONG_AGO, regions, since
from tests.factories import BackupFactory, EnvironmentFactory, OperationFactory

pytestmark = pytest.mark.django_db
INES = Actor("Ines Duarte", Origin.PERSON)
WEDNESDAY = datetime(2026, 11, 25, 19, 0, tzinfo=UTC)  # a slot of Europe's cloud v4
AFTER_IT = WEDNESDAY + timedelta(seconds=1)


@pytest.fixture(autouse=True)
def places(db: None) -> dict[str, Region]:
    return regions()


@pytest.fixture
def live(environment: Environment) -> Environment:
    """There since long ago; the night before was made."""
    since(environment)
    request_create(environment, by=NIGHTLY, at=WEDNESDAY - timedelta(days=1), slot_at=WEDNESDAY - timedelta(days=1))
    Operation.objects.update(status=Status.COMPLETED)
    return environment


def slots(environment: Environment) -> list[datetime]:
    nightly = Backup.objects.filter(environment=environment).exclude(slot_at=None)
    return sorted(slot for slot in nightly.values_list("slot_at", flat=True) if slot)


def test_when_its_slot_has_come_it_is_queued_as_the_nights(live: Environment) -> None:
    assert queue_nightlies(WEDNESDAY - timedelta(seconds=1)) == []

    [backup] = queue_nightlies(WEDNESDAY)

    backup = Backup.objects.select_related("operation").get(pk=backup.pk)
    assert (backup.status, backup.created_by, backup.comment) == (Status.QUEUED, "Nightly", "")
    assert (backup.slot_at, backup.created_at) == (WEDNESDAY, WEDNESDAY)
    assert (backup.kept_by, backup.expires_at) == (Rule.DAILY, WEDNESDAY + timedelta(days=14))
    assert backup.model_version == "1.4.2.118"
    assert (backup.operation.origin, backup.operation.max_attempts) == (Origin.NIGHTLY, 3)
    line = Activity.objects.get(subject=backup.pk)
    assert (line.action, line.sentence) == ("create.requested", "Nightly asked for a backup of Live.")


def test_asked_again_and_again_it_makes_nothing_twice(live: Environment) -> None:
    made = [queue_nightlies(WEDNESDAY + timedelta(minutes=count)) for count in range(5)]

    assert [len(one) for one in made] == [1, 0, 0, 0, 0]


def test_one_that_was_pruned_is_not_made_again(live: Environment) -> None:
    queue_nightlies(WEDNESDAY)
    Operation.objects.update(status=Status.COMPLETED)
    Backup.objects.all().delete()

    assert queue_nightlies(WEDNESDAY + timedelta(hours=20)) == []


def test_one_that_failed_or_was_cancelled_is_not_made_again(live: Environment) -> None:
    [backup] = queue_nightlies(WEDNESDAY)
    cancel(backup.operation, by=INES)

    assert queue_nightlies(WEDNESDAY + timedelta(hours=1)) == []


@pytest.mark.parametrize(
    "change",
    [{"is_nightly_on": False}, {"deleted_at": LONG_AGO}, {"cloud_version": "v2"}, {"created_at": AFTER_IT}],
    ids=str,
)
def test_who_gets_none(live: Environment, change: dict[str, object]) -> None:
    Environment.objects.update(**change)

    assert queue_nightlies(WEDNESDAY + timedelta(minutes=1)) == []


def test_a_region_without_a_start_for_the_version_gets_none(live: Environment, places: dict[str, Region]) -> None:
    asia = places["asia-pacific"]
    Environment.objects.update(region=asia, cloud_version="v3", nightly_since=None)
    assert queue_nightlies(WEDNESDAY + timedelta(days=1)) == []

    Environment.objects.update(cloud_version="v4")
    assert [backup.slot_at for backup in queue_nightlies(WEDNESDAY + timedelta(days=1))] == [
        datetime(2026, 11, 26, 16, tzinfo=UTC)
    ]


def test_moved_to_another_region_it_goes_by_that_one_from_then_on(live: Environment, places: dict[str, Region]) -> None:
    with clock.turned_to(WEDNESDAY - timedelta(hours=9)):  # America's night of this day is over
        live.region = places["us-east"]
        live.save()

    assert queue_nightlies(WEDNESDAY + timedelta(hours=1)) == []
    [backup] = queue_nightlies(WEDNESDAY + timedelta(hours=6))
    assert backup.slot_at == datetime(2026, 11, 26, 1, tzinfo=UTC)
    assert "late" not in backup.operation.params


def test_switched_off_for_a_week_nothing_is_made_up(live: Environment) -> None:
    for is_on, at in ((False, WEDNESDAY), (True, WEDNESDAY + timedelta(days=7, hours=1))):
        with clock.turned_to(at - timedelta(seconds=10)):
            live.is_nightly_on = is_on
            live.save()

    assert queue_nightlies(WEDNESDAY + timedelta(days=7, hours=2)) == []
    assert len(queue_nightlies(WEDNESDAY + timedelta(days=8))) == 1


@pytest.mark.parametrize(
    ("off_for", "late", "rule"),
    [
        (timedelta(minutes=9), None, Rule.DAILY),
        (timedelta(hours=10), "late", Rule.DAILY),
        (timedelta(days=7), "late, for 8 nights since 2026-11-25", Rule.SUNDAY),
        (timedelta(days=40), "late, for 41 nights since 2026-11-25", Rule.FIRST_SUNDAY),
    ],
    ids=str,
)
def test_an_outage_is_made_up_for_once(live: Environment, off_for: timedelta, late: str | None, rule: Rule) -> None:
    back_at = WEDNESDAY + off_for

    [backup] = queue_nightlies(back_at)

    assert backup.slot_at == WEDNESDAY + timedelta(days=off_for.days)
    assert backup.operation.params.get("late") == late
    assert backup.kept_by == rule
    assert Activity.objects.get(subject=backup.pk).sentence == (
        f"Nightly asked for a backup of Live{f': {late}' if late else ''}."
    )
    assert queue_nightlies(back_at + timedelta(minutes=1)) == []
    assert len(slots(live)) == 2


def test_a_clock_ten_years_ahead_makes_one_and_the_nights_go_on_when_it_is_right_again(live: Environment) -> None:
    assert len(queue_nightlies(WEDNESDAY.replace(year=2036))) == 1

    assert [backup.slot_at for backup in queue_nightlies(WEDNESDAY)] == [WEDNESDAY]
    assert queue_nightlies(WEDNESDAY + timedelta(minutes=1)) == []


def test_those_of_one_region_are_spread(places: dict[str, Region]) -> None:
    europe = [since(place) for place in EnvironmentFactory.create_batch(3)]
    america = since(EnvironmentFactory(region=places["us-east"]))
    at = datetime(2026, 11, 26, 1, 0, tzinfo=UTC)

    with clock.turned_to(at):
        made = queue_nightlies(at)

    def begins(places: list[Environment]) -> list[timedelta]:
        own = {place.pk for place in places}
        found = [one.operation.not_before_at for one in made if one.environment_id in own]
        return sorted(moment - at for moment in found if moment)

    assert begins(europe) == [timedelta(seconds=5 * count) for count in range(3)]
    assert begins([america]) == [timedelta()]


def test_ten_environments_cost_as_many_statements_as_one() -> None:
    def statements(at: datetime) -> int:
        with CaptureQueriesContext(connection) as captured:
            queue_nightlies(at)
        return len(captured)

    since(EnvironmentFactory())
    one = statements(WEDNESDAY)
    for place in EnvironmentFactory.create_batch(9):
        since(place)

    assert statements(WEDNESDAY + timedelta(days=1)) == one


@pytest.mark.django_db(transaction=True)
def test_schedulers_of_the_same_minute_make_one(live: Environment) -> None:
    others = [since(place) for place in EnvironmentFactory.create_batch(5)]
    gate, made = threading.Barrier(4), []

    def ask() -> None:
        gate.wait()
        try:
            made.append(queue_nightlies(WEDNESDAY))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(map(len, made)) == 6
    assert all(slots(place)[-1] == WEDNESDAY for place in (live, *others))
    assert Operation.objects.filter(unique_key__endswith="2026-11-25T19:00Z").count() == 6


# Busy environments


def busy_with(environment: Environment, **more: object) -> Operation:
    return OperationFactory(
        environment=environment,
        running=True,
        kind="create",
        started_at=WEDNESDAY - timedelta(minutes=30),
        requested_by_name="Ines Duarte",
        **more,
    )


def test_a_busy_environment_loses_no_night(live: Environment) -> None:
    busy_with(live)

    assert len(queue_nightlies(WEDNESDAY)) == 1


def test_after_four_hours_of_waiting_it_says_for_what(live: Environment) -> None:
    busy_with(live)
    [backup] = queue_nightlies(WEDNESDAY)
    queue_nightlies(WEDNESDAY + timedelta(hours=3, minutes=59))
    backup.operation.refresh_from_db()
    assert backup.operation.status == Status.QUEUED

    queue_nightlies(WEDNESDAY + timedelta(hours=4))

    backup.operation.refresh_from_db()
    assert (backup.operation.status, backup.operation.failure) == (Status.FAILED, Failure.ERROR)
    assert backup.operation.message == (
        "The nightly backup waited 4 hours for a backup that is under way since 2026-11-25 18:30 UTC, asked for by "
        "Ines Duarte, and was not begun. The next night tries again; until then create one by hand."
    )
    assert Activity.objects.get(action="create.failed").subject == backup.pk


def test_one_that_waits_for_a_worker_only_is_not_ended(live: Environment) -> None:
    [backup] = queue_nightlies(WEDNESDAY)

    queue_nightlies(WEDNESDAY + timedelta(hours=9))

    backup.operation.refresh_from_db()
    assert backup.operation.status == Status.QUEUED


def test_a_person_does_not_wait_for_a_queued_night(live: Environment) -> None:
    queue_nightlies(WEDNESDAY)

    assert request_create(live, by=INES).status == Status.QUEUED


# What pages show


def test_the_strip_shows_what_became_of_each_night(
    live: Environment, django_assert_num_queries: Callable[..., object]
) -> None:
    slot = datetime(2026, 11, 22, 19, tzinfo=UTC)
    for status in (Status.COMPLETED, Status.FAILED):
        backup = request_create(live, by=NIGHTLY, at=slot, slot_at=slot)
        Operation.objects.filter(pk=backup.operation_id).update(status=status)
        slot += timedelta(days=1)
    other = since(EnvironmentFactory())
    Backup.objects.all().delete()
    BackupFactory(environment=live, created_at=WEDNESDAY)  # by a person: no night

    with django_assert_num_queries(2):
        nights = nights_of([live, other], WEDNESDAY + timedelta(hours=1))

    words = [str(night.state) for night in nights[live.pk]]
    assert len(words) == 30
    assert words[-5:] == ["missed", "made", "failed", "made", "to come"]
    assert {str(night.state) for night in nights[other.pk][:-1]} == {"missed"}


def test_asked_for_twice_by_hand_a_slot_has_one_backup(live: Environment) -> None:
    first = request_create(live, by=NIGHTLY, slot_at=WEDNESDAY)

    assert request_create(live, by=NIGHTLY, slot_at=WEDNESDAY) == first
    assert first.kept_by == Rule.DAILY
    assert Activity.objects.filter(subject=first.pk).count() == 1
