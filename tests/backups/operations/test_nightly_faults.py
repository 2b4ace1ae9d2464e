"""Nights among faults: a locked portal database, a night that still runs, an environment that was deleted."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone

from backups.models import Backup
from backups.operations.create import request_create
from backups.operations.nightly import queue_nightlies
from backups.operations.restore import request_restore
from environments import clock
from environments.actors import Actor
from environments.choices import Origin, Status
from environments.lifecycle.run import run_here
from environments.models import Environment, Operation
from tests.backups.operations.nights import regions, since
from tests.factories import EnvironmentFactory

pytestmark = pytest.mark.django_db(transaction=True)
INES = Actor("Ines Duarte", Origin.PERSON)
SLOT = datetime(2026, 11, 24, 19, tzinfo=UTC)


@pytest.fixture
def live(environment: Environment) -> Environment:
    regions()
    return since(environment, SLOT - timedelta(hours=1))


def test_while_somebody_else_writes_for_long_it_waits_and_nobody_hears_of_locks(live: Environment) -> None:
    has_lock, may_end, failed = threading.Event(), threading.Event(), list[BaseException]()

    def write() -> None:
        with transaction.atomic():
            Environment.objects.select_for_update().get(pk=live.pk)
            Environment.objects.filter(pk=live.pk).update(name="Live")
            has_lock.set()
            may_end.wait(30)
        connection.close()

    def ask() -> None:
        try:
            queue_nightlies(SLOT)
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    writer, scheduler = threading.Thread(target=write), threading.Thread(target=ask)
    writer.start()
    assert has_lock.wait(30)
    scheduler.start()
    scheduler.join(1.5)
    assert scheduler.is_alive()  # it waits
    may_end.set()
    scheduler.join(30)
    writer.join(30)

    assert failed == []
    assert Backup.objects.filter(slot_at=SLOT).count() == 1


def test_whoever_asks_for_a_later_moment_does_not_wait_for_it(live: Environment) -> None:
    with clock.turned_to(SLOT - timedelta(days=2)):
        [backup] = queue_nightlies(SLOT)

    assert backup.operation.not_before_at
    assert backup.operation.not_before_at < SLOT - timedelta(days=1)
    assert backup.created_at == SLOT


def test_a_night_that_still_runs_when_the_next_is_due_is_named_by_the_one_that_was_not_begun(live: Environment) -> None:
    [first] = queue_nightlies(SLOT)
    Operation.objects.filter(pk=first.operation_id).update(status=Status.RUNNING, started_at=SLOT)
    [second] = queue_nightlies(SLOT + timedelta(days=1))

    queue_nightlies(SLOT + timedelta(days=1, hours=4))

    second.operation.refresh_from_db()
    assert second.operation.status == Status.FAILED
    assert second.operation.message.startswith(
        "The nightly backup waited 4 hours for a backup that is under way since 2026-11-24 19:00 UTC, asked for by "
        "Nightly, and was not begun."
    )
    first.operation.refresh_from_db()
    assert first.operation.status == Status.RUNNING


def test_what_is_kept_of_a_deleted_environment_can_be_restored_into_another(
    make_place: Callable[..., Environment],
) -> None:
    gone = make_place("CREATE TABLE orders AS SELECT generate_series(1, 7) AS id")
    (Path(gone.files_directory) / "kept.txt").write_text("kept")
    assert run_here(request_create(gone, by=INES, is_rung=False).operation).status == Status.COMPLETED
    Environment.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    regions()
    other = make_place("CREATE TABLE other (id int)", app=gone.app, package=gone.package)
    backup = Backup.objects.select_related("operation", "environment__app").get(environment=gone)

    asked = request_restore(
        backup, into=other, by=INES, may_stop_app=True, confirm=None, is_said_stopped=True, is_rung=False
    )
    done = run_here(asked)

    assert done.status == Status.COMPLETED, done.message
    assert (Path(other.files_directory) / "kept.txt").read_text() == "kept"
    address = other.database_address
    with psycopg.connect(
        host=address.host, port=address.port, dbname=address.name, user=address.user, password=address.password
    ) as db:
        assert db.execute("SELECT count(*) FROM orders").fetchone() == (7,)
    EnvironmentFactory()
    assert not any(one.environment_id == gone.pk for one in queue_nightlies(timezone.now() + timedelta(days=2)))
