"""One process of the apps' PostgreSQL is killed by a signal: the server throws everybody out and starts again.

Whatever was under way is then exactly the old data or the new, says so, leaves nothing, and works again.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from backups.models import Backup
from backups.operations.create import request_create
from backups.operations.verify import request_verify
from environments.choices import Status
from environments.lifecycle.run import run_here
from environments.models import Environment
from portal.demo.postgres import Postgres
from tests.apps import App
from tests.backups.operations.test_restore import BY, back_up, change, fill, leftovers, restore, state
from tests.backups.uploaded import conninfo
from tests.workers import eventually

from .test_restore_killed import recover
from .test_server_restarted import ROWS, exchange_while_away, postgres

__all__ = ["postgres"]
pytestmark = pytest.mark.django_db(transaction=True)
COPYING = """SELECT pid FROM pg_stat_activity
    WHERE state = 'active' AND query LIKE 'COPY public.wide%' AND application_name LIKE 'op-%'"""


@pytest.fixture
def place(make_place: Callable[..., Environment], real_app: App) -> Environment:
    """Where a dump and a load last long enough to be met in the middle."""
    environment = make_place(*ROWS, commands=real_app.commands, name="Acceptance")
    fill(environment, "old")
    return environment


@contextmanager
def a_backend_killed(postgres: Postgres) -> Iterator[None]:
    """Kill the first of the portal's sessions that is seen to copy rows; then wait for the server to be back."""
    killed: list[int] = []
    with psycopg.connect(conninfo(postgres.address()), autocommit=True) as admin:

        def watch() -> None:
            while not killed and not is_over.wait(0.01):
                for (pid,) in admin.execute(COPYING).fetchall():
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
                    break

        is_over = threading.Event()
        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()
    assert len(killed) == 1
    eventually(lambda: is_up(postgres))


def is_up(postgres: Postgres) -> bool:
    """Whether the server has recovered and lets people in again."""
    try:
        with psycopg.connect(conninfo(postgres.address())):
            return True
    except psycopg.OperationalError:
        return False


def test_in_the_middle_of_a_dump(place: Environment, postgres: Postgres) -> None:
    with a_backend_killed(postgres):
        operation = run_here(request_create(place, by=BY, is_rung=False).operation)

    assert operation.status == Status.FAILED
    assert "Nothing was stored" in operation.message and "unexpected" not in operation.message
    assert not Backup.objects.filter(operation__status=Status.COMPLETED).exists()
    good = back_up(place)
    assert run_here(request_verify(good, by=BY, is_rung=False)).status == Status.COMPLETED
    assert leftovers(place) == []


def test_in_the_middle_of_a_load(place: Environment, real_app: App, postgres: Postgres) -> None:
    was = state(place)
    backup = back_up(place)
    change(place)
    changed = state(place)
    with a_backend_killed(postgres):
        operation = exchange_while_away(backup, place)

    operation = recover(operation)

    assert (operation.status, state(place)) == (Status.FAILED, changed)
    assert "unchanged" in operation.message or "Nothing was changed" in operation.message
    assert "unexpected" not in operation.message
    assert real_app.is_running
    assert leftovers(place) == []
    assert restore(backup, place).status == Status.COMPLETED
    assert state(place) == was
