"""A failed nightly is tried twice more, on its own row, and holds up nobody."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from backups.models import Backup
from backups.operations.nightly import queue_nightlies
from environments import clock
from environments.choices import Failure, Status
from environments.lifecycle import drain
from environments.lifecycle.run import run
from environments.models import Activity, Environment, Operation
from tests.backups.operations.nights import regions, since

pytestmark = pytest.mark.django_db(transaction=True)
SLOT = datetime(2031, 11, 23, 19, 0, tzinfo=UTC)  # a Sunday, far ahead of the database's own clock


@pytest.fixture
def place(make_place: Callable[..., Environment]) -> Environment:
    regions()
    return there(make_place)


def there(make_place: Callable[..., Environment]) -> Environment:
    return since(make_place("CREATE TABLE orders (id int)"), SLOT - timedelta(hours=1))


def queued(environment: Environment) -> Backup:
    queue_nightlies(SLOT)
    return Backup.objects.get(environment=environment)


def break_it(environment: Environment) -> None:
    environment.database_address = replace(environment.database_address, name="no_such_database")
    environment.save()


def run_at(backup: Backup, after: timedelta) -> Operation:
    """Run its operation so long after the slot. What it waits for is over by the database's own clock, too."""
    waiting = Operation.objects.filter(pk=backup.operation_id, not_before_at__lte=SLOT + after)
    waiting.update(not_before_at=timezone.now() - timedelta(seconds=1))
    with clock.turned_to(SLOT + after):
        run(backup.operation_id)
    return Operation.objects.get(pk=backup.operation_id)


def test_it_is_tried_after_ten_and_thirty_minutes_and_then_it_failed(place: Environment) -> None:
    backup = queued(place)
    break_it(place)

    first = run_at(backup, timedelta(0))
    assert (first.status, first.phase) == (Status.QUEUED, "try 2 of 3 at 19:10")
    assert "no_such_database" in first.message
    too_early = run_at(backup, timedelta(minutes=9))
    assert too_early.attempt == 1

    second = run_at(backup, timedelta(minutes=10, seconds=5))
    assert (second.status, second.phase) == (Status.QUEUED, "try 3 of 3 at 19:40")

    third = run_at(backup, timedelta(minutes=41))
    assert (third.status, third.failure, third.attempt) == (Status.FAILED, Failure.ERROR, 3)
    assert Operation.objects.count() == Backup.objects.count() == 1
    actions = list(Activity.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["create.requested", "create.postponed", "create.postponed", "create.failed"]
    assert not list(Path(settings.VAULT_LOCATION).rglob("*.backup"))


def test_a_second_try_that_succeeds_is_kept_by_the_day_of_its_slot(place: Environment) -> None:
    backup = queued(place)
    real = place.database_address
    break_it(place)
    run_at(backup, timedelta(0))
    place.database_address = real
    place.save()

    done = run_at(backup, timedelta(hours=6))

    backup.refresh_from_db()
    assert done.status == Status.COMPLETED, done.message
    assert (backup.kept_by, backup.expires_at) == ("sunday", datetime(2032, 2, 23, 19, 0, tzinfo=UTC))


def test_what_a_stopped_worker_hands_back_is_no_try(place: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = queued(place)
    with monkeypatch.context() as patch:
        patch.setattr("environments.lifecycle.attempt.drain.is_on", lambda: True)
        patch.setattr("environments.lifecycle.run.drain", type("Off", (), {"is_on": staticmethod(lambda: False)}))
        run_at(backup, timedelta(0))
    assert not drain.is_on()
    break_it(place)

    again = run_at(backup, timedelta(0))

    assert (again.attempt, again.status, again.phase) == (2, Status.QUEUED, "try 2 of 3 at 19:10")


def test_one_environments_failure_holds_up_no_other(place: Environment, make_place: Callable[..., Environment]) -> None:
    other = there(make_place)
    made = {backup.environment_id: backup for backup in queue_nightlies(SLOT)}
    break_it(place)

    failed = run_at(made[place.pk], timedelta(seconds=10))
    done = run_at(made[other.pk], timedelta(seconds=10))

    assert (failed.status, done.status) == (Status.QUEUED, Status.COMPLETED)


def test_a_late_one_says_so_at_its_end(place: Environment) -> None:
    [backup] = queue_nightlies(SLOT + timedelta(hours=12))

    done = run_at(backup, timedelta(hours=12))

    assert done.message.endswith(" It was made late.")
