"""Create while the database is changed, dropped, or falls silent: one moment of the data, or Failed, nothing lost."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from django.db import connection

from backups.engines.postgresql import check_dump
from backups.engines.tools import find_tools
from backups.models import Backup
from backups.operations.alarm import alarms_of
from backups.operations.create import request_create
from backups.operations.verify import request_verify
from backups.policy.alarms import Cause
from backups.storage import names
from backups.storage.vault import open_vault
from environments import clock
from environments.addresses import DatabaseAddress
from environments.choices import Failure, Status
from environments.lifecycle import attempt
from environments.lifecycle.run import run_here
from environments.models import Environment, Operation
from portal.demo.postgres import Postgres
from tests.backups.engines.wires import wire
from tests.backups.operations.test_create import BY, ROWS, make
from tests.workers import eventually

pytestmark = pytest.mark.django_db(transaction=True)
LARGE = (
    *ROWS,
    "CREATE TABLE noise AS SELECT n, md5(n::text) || md5((n + 1)::text) AS what FROM generate_series(1, 200000) n",
)


@pytest.fixture
def place(make_place: Callable[..., Environment]) -> Environment:
    return make_place(*LARGE)


def connect(address: DatabaseAddress, name: str = "") -> psycopg.Connection:
    return psycopg.connect(
        host=address.host,
        port=address.port,
        dbname=name or address.name,
        user=address.user,
        password=address.password or None,
        autocommit=True,
    )


@contextmanager
def beside(work: Callable[[], None]) -> Iterator[None]:
    """Let something happen beside, again and again, until it is over."""
    is_over = threading.Event()

    def repeat() -> None:
        while not is_over.is_set():
            work()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def is_still_good(backup: Backup) -> bool:
    return run_here(request_verify(backup, by=BY, is_rung=False)).status == Status.COMPLETED


def test_a_schema_that_changes_meanwhile_gives_one_moment_or_a_failure(place: Environment) -> None:
    earlier = make(place)
    with connect(place.database_address) as db:

        def change() -> None:
            db.execute("CREATE TABLE more (id int, n int); INSERT INTO more VALUES (1, 1)")
            db.execute("ALTER TABLE more ADD COLUMN x text")
            db.execute("DROP TABLE more")

        with beside(change):
            backup = make(place)

    if backup.is_completed:
        assert backup.stored_attempt is not None
        dump = open_vault().stream(names.dump(place.pk, backup.pk, backup.stored_attempt))
        check_dump(dump, find_tools(17))
    else:
        assert "Nothing was stored" in backup.operation.message
    assert is_still_good(earlier)


def test_a_database_that_is_dropped_meanwhile_fails_and_earlier_backups_stay(
    place: Environment, postgres: Postgres
) -> None:
    earlier = make(place)
    address = place.database_address
    seen = "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND application_name LIKE 'op-%%' AND query LIKE 'COPY%%'"
    with connect(postgres.address(), "postgres") as admin:

        def drop() -> None:
            if admin.execute(seen, [address.name]).fetchone():
                admin.execute(f'DROP DATABASE IF EXISTS "{address.name}" WITH (FORCE)')  # type: ignore[call-overload]

        with beside(drop):
            backup = make(place)

    assert backup.operation.status == Status.FAILED
    assert "Nothing was stored" in backup.operation.message
    assert is_still_good(earlier)


def test_a_server_that_falls_silent_ends_with_its_time_and_holds_nobody_up(
    place: Environment, make_place: Callable[..., Environment]
) -> None:
    with choked(place):
        backup = request_create(place, by=BY, is_rung=False)
        Operation.objects.filter(pk=backup.operation.pk).update(time_limit_seconds=6)
        hanging = threading.Thread(target=run_in_a_thread, args=(backup.operation,))
        hanging.start()
        assert make(make_place(*ROWS)).is_completed
        hanging.join(60)

    operation = Operation.objects.get(pk=backup.operation.pk)
    assert (operation.status, operation.failure) == (Status.FAILED, Failure.TIME_LIMIT)
    assert "time limit" in operation.message


def test_what_stands_still_is_an_alarm_while_its_worker_beats(
    place: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "BEAT_SECONDS", 0.1)
    Environment.objects.filter(pk=place.pk).update(is_nightly_on=False)
    place.refresh_from_db()
    with choked(place):
        backup = request_create(place, by=BY, is_rung=False)
        hanging = threading.Thread(target=run_in_a_thread, args=(backup.operation,))
        hanging.start()
        operation = eventually(lambda: stands_still(backup.operation.pk), within=30)
        seen = [alarms_of([place], operation.moved_at + timedelta(minutes=now))[place.pk] for now in (9, 10)]
        Operation.objects.filter(pk=operation.pk).update(cancelled_by_name="Ines Duarte")
        hanging.join(60)

    assert seen[0] == []
    [alarm] = seen[1]
    assert alarm.cause == Cause.STALLED
    assert alarm.sentence.startswith(f"A backup stands still since {operation.moved_at:%Y-%m-%d %H:%M} UTC, at: Saving")
    assert alarms_of([place], clock.now() + timedelta(minutes=20))[place.pk] == []  # it has ended


def stands_still(key: UUID) -> Operation | None:
    """The operation, when it beats and nothing of it has got further for a second, as the rows say."""
    first = Operation.objects.get(pk=key)
    time.sleep(1)
    second = Operation.objects.get(pk=key)
    has_beaten = first.lease_until and second.lease_until and second.lease_until > first.lease_until
    return second if has_beaten and second.child and second.moved_at == first.moved_at else None


@contextmanager
def choked(place: Environment) -> Iterator[None]:
    """The environment's server falls silent after the first few hundred thousand bytes."""
    address, passed = place.database_address, [0]

    def choke(said: bytes) -> bytes:
        passed[0] += len(said)
        return said if passed[0] < 300_000 else b""

    with wire(address, choke) as port:
        place.database_address = replace(address, host="127.0.0.1", port=port)
        place.save()
        yield


def run_in_a_thread(operation: Operation) -> None:
    try:
        run_here(operation)
    finally:
        connection.close()
