"""A worker killed at every step of an exchange of files in a bucket: the old or the new, whole, and the app runs."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from backups.engines import swap as databases
from backups.models import Backup
from backups.operations.restore import request_restore
from backups.operations.undo import request_undo
from environments.choices import Status
from environments.lifecycle.periods import BEAT_SECONDS
from environments.lifecycle.run import run_here
from environments.models import Environment
from tests.apps import App
from tests.backups.operations.bucket_places import (
    NEW,
    OLD,
    ToldApp,
    change,
    fill,
    leftovers,
    state,
    uploads_of,
)
from tests.backups.operations.test_restore import BY, ROWS, back_up, restore
from tests.stores.uploads import Uploads

from .killed import BUCKET_STEPS, OBJECTS, SWITCH_STEPS
from .length import IS_LONG
from .test_frozen import freeze
from .test_restore_killed import perform_and_die, recover

pytestmark = pytest.mark.django_db(transaction=True)
FEW = ["live objects are kept", "some new objects are in", "before the step is cleared"]


@pytest.fixture
def place(make_bucket_place: Callable[..., Environment], uploads: Uploads, real_app: App) -> Environment:
    environment = make_bucket_place(uploads, *ROWS, commands=real_app.commands, name="Acceptance")
    fill(environment, OLD)
    return environment


def end_up(place: Environment, backup: Backup, step: str, environ: dict[str, str], *, ends_new: bool) -> None:
    """Restore, be killed at the step, be found, and be exactly the one or the other; then go back again."""
    changed = state(place)
    operation = request_restore(backup, into=place, by=BY, confirm=None, may_stop_app=True, is_rung=False)
    perform_and_die(operation, step, environ)

    operation = recover(operation)

    assert operation.status == (Status.COMPLETED if ends_new else Status.FAILED), operation.message
    assert ("unchanged" in operation.message) is not ends_new
    assert state(place)[1] == (OLD if ends_new else NEW)
    assert (state(place) == changed) is not ends_new
    assert leftovers(place) == []
    if not ends_new:
        assert restore(backup, place).status == Status.COMPLETED
        assert state(place)[1] == OLD
    undone = run_here(request_undo(place, by=BY, confirm=None, is_rung=False))
    assert undone.status == Status.COMPLETED, undone.message
    assert state(place) == changed
    assert leftovers(place) == []


@pytest.mark.parametrize("step", BUCKET_STEPS if IS_LONG else FEW)
def test_a_restore_of_objects_killed_at(
    step: str, place: Environment, real_app: App, process_environ: dict[str, str]
) -> None:
    backup = back_up(place)
    change(place)
    assert len(NEW) == OBJECTS

    end_up(place, backup, step, process_environ, ends_new=BUCKET_STEPS[step][1])
    assert real_app.is_running


@pytest.mark.parametrize("step", SWITCH_STEPS if IS_LONG else ["the app is told"])
def test_a_restore_of_a_prefix_killed_at(
    step: str, place: Environment, tmp_path: Path, process_environ: dict[str, str]
) -> None:
    folder = tmp_path / "told"
    folder.mkdir()
    app = ToldApp(folder)
    place.commands = app.commands
    place.save()
    backup = back_up(place)
    change(place)

    end_up(place, backup, step, process_environ, ends_new=SWITCH_STEPS[step][1])
    assert app.is_running
    assert app.address and app.address.prefix == place.files_address.prefix


def test_a_worker_that_wakes_in_the_middle_changes_nothing_any_more(
    place: Environment, real_app: App, process_environ: dict[str, str]
) -> None:
    backup = back_up(place)
    change(place)
    operation = request_restore(backup, into=place, by=BY, confirm=None, may_stop_app=True, is_rung=False)
    # Its leases last as short as ours: whoever is given up after one finds, when it wakes, that a beat is due.
    environ = {**process_environ, "DJANGO_SETTINGS_MODULE": "tests.worker_settings"}
    worker = freeze(operation, "some new objects are in", environ)

    operation = recover(operation)
    assert operation.status == Status.COMPLETED, operation.message
    uploads_of(place).put("folder/new.txt", b"the app wrote this again")
    settled = state(place)
    time.sleep(2 * BEAT_SECONDS)
    worker.send_signal(signal.SIGCONT)
    worker.wait(60)

    assert state(place) == settled
    assert leftovers(place) == []
    assert real_app.is_running


def test_what_vanishes_while_the_worker_is_dead_leads_back(
    place: Environment, real_app: App, process_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the way back is broken off between the files and the database."""
    backup = back_up(place)
    change(place)
    changed = state(place)
    operation = request_restore(backup, into=place, by=BY, confirm=None, may_stop_app=True, is_rung=False)
    perform_and_die(operation, "some new objects are in", process_environ)
    uploads = uploads_of(place)
    [lost] = [key for key in uploads.keys(f"{uploads.prefix}.portal-in-") if key.endswith("folder/old.txt")]
    beside, name = lost.removesuffix("/folder/old.txt"), "folder/old.txt"
    Uploads(uploads.address.endpoint, beside).remove(name)
    real, calls = databases.swap, list[str]()

    def swap(*given: Any, **named: Any) -> None:
        calls.append(named["incoming"])
        if len(calls) == 1:
            raise psycopg.OperationalError("the server is away")
        real(*given, **named)

    monkeypatch.setattr(databases, "swap", swap)
    operation = recover(operation)

    assert operation.status == Status.FAILED, operation.message
    assert [name.partition("_was_")[1] for name in calls] == ["_was_", "_was_"]
    assert "somebody changed it" in operation.message
    assert "holds its old data, unchanged" in operation.message
    assert state(place) == changed
    assert leftovers(place) == []
    assert real_app.is_running
    monkeypatch.undo()
    assert restore(backup, place).status == Status.COMPLETED
