"""The apps' own PostgreSQL goes away under a backup and a restore: whole again when it is back, and nothing is left."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from backups.models import Backup
from backups.operations import exchange
from backups.operations.create import request_create
from backups.operations.verify import request_verify
from environments.choices import Status
from environments.errors import EnvironmentBusy
from environments.lifecycle.attempt import Attempt
from environments.lifecycle.run import run_here
from environments.models import Environment, Operation
from portal.demo.postgres import Postgres
from tests.apps import App
from tests.backups.operations.test_restore import BY, back_up, change, leftovers, restore, state

from .test_restore_killed import recover

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = (
    "CREATE TABLE wide AS SELECT n AS id, repeat(md5(n::text), 40) AS what FROM generate_series(1, 30000) n",
    "CREATE TABLE orders (id int, what text)",
    "INSERT INTO orders SELECT n, 'row' FROM generate_series(1, 100) n",
)


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A server of this test alone, which may be stopped and started."""
    folder, socket = Path(settings.DATA_DIR).parent / "restarted", Path(tempfile.mkdtemp(prefix="pg-"))
    with Postgres(folder, socket_folder=socket) as server:
        yield server
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(socket, ignore_errors=True)


def restart_once_a_program_runs(monkeypatch: pytest.MonkeyPatch, server: Postgres) -> list[str]:
    """Restart the server at the first beat beside a program; returns the phases in which that was."""
    real, seen = Attempt.beat, list[str]()

    def beat(self: Attempt, *arguments: object, **named: object) -> None:
        real(self, *arguments, **named)  # type: ignore[arg-type]
        if self._progress.get("child") and not seen:
            seen.append(self._progress["phase"])
            server.stop()
            server.start()

    monkeypatch.setattr(Attempt, "beat", beat)
    return seen


def test_a_backup_is_whole_or_failed_with_a_sentence_and_works_again(
    place: Environment, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        seen = restart_once_a_program_runs(patch, postgres)
        operation = run_here(request_create(place, by=BY, is_rung=False).operation)

    assert seen
    assert "unexpected" not in operation.message
    # A dump as small as this one may have been whole a moment before.
    for backup in Backup.objects.filter(operation__status=Status.COMPLETED):
        assert run_here(request_verify(backup, by=BY, is_rung=False)).status == Status.COMPLETED
    back_up(place)


def test_a_restore_ends_whole_while_the_app_runs_on_and_works_again(
    place: Environment, real_app: App, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    was, backup = state(place), back_up(place)
    change(place)
    changed = state(place)
    with monkeypatch.context() as patch:
        seen = restart_once_a_program_runs(patch, postgres)
        operation = restore(backup, place)

    assert seen == ["Loading the database beside the live one"]
    # A program that was not let in yet may have come a moment later.
    assert (operation.status, state(place)) in [(Status.FAILED, changed), (Status.COMPLETED, was)]
    assert "unexpected" not in operation.message
    assert real_app.is_running
    assert leftovers(place) == []
    assert restore(backup, place).status == Status.COMPLETED
    assert state(place) == was


@pytest.mark.parametrize("is_swapped", [False, True], ids=["before the swap", "after the swap"])
def test_a_server_that_is_away_at_the_swap_is_waited_for(
    place: Environment, real_app: App, postgres: Postgres, monkeypatch: pytest.MonkeyPatch, is_swapped: bool
) -> None:
    was, backup = state(place), back_up(place)
    change(place)
    changed = state(place)
    real = exchange.databases.swap

    def swap(*arguments: object, **named: object) -> None:
        if is_swapped:
            real(*arguments, **named)  # type: ignore[arg-type]
        postgres.stop()
        if not is_swapped:
            real(*arguments, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(exchange.databases, "swap", swap)
        operation = exchange_while_away(backup, place)
    if not is_swapped:
        assert operation.status == Status.RUNNING  # nobody may say how it ended before the server has
    postgres.start()

    operation = recover(operation)

    assert operation.status == (Status.COMPLETED if is_swapped else Status.FAILED), operation.message
    assert state(place) == (was if is_swapped else changed)
    assert real_app.is_running
    assert leftovers(place) == []


def exchange_while_away(backup: Backup, place: Environment) -> Operation:
    """Restore; it may stay Running, which the command that waits for its end calls busy."""
    try:
        return restore(backup, place)
    except EnvironmentBusy:
        return Operation.objects.get(kind="restore")
