"""Restores into buckets that lose, refuse and go away: the old or the new, and the app runs on nothing in between."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backups.choices import Contents
from backups.models import Generation, Swap
from backups.storage import bucket_mirror
from backups.storage.bucket_writing import BucketWriting
from environments.choices import Status
from environments.errors import EnvironmentBusy
from environments.models import Environment, Operation
from tests.apps import App
from tests.backups.operations.bucket_places import NEW, OLD, ToldApp, change, fill, leftovers, state, undo, uploads_of
from tests.backups.operations.test_restore import ROWS, back_up, restore
from tests.faults.test_restore_killed import recover
from tests.stores.rclone import RcloneStore
from tests.stores.scripted import ScriptedStore
from tests.stores.uploads import Uploads

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def app(request: pytest.FixtureRequest, tmp_path: Path) -> App:
    folder = tmp_path / "app"
    folder.mkdir()
    return ToldApp(folder) if getattr(request, "param", "objects") == "switch" else App(folder)


@pytest.fixture
def place(make_bucket_place: Callable[..., Environment], uploads: Uploads, app: App) -> Environment:
    environment = make_bucket_place(uploads, *ROWS, commands=app.commands, name="Acceptance")
    fill(environment, OLD)
    return environment


@pytest.fixture
def fragile(make_bucket_place: Callable[..., Environment], scripted_uploads: Uploads, app: App) -> Environment:
    """In a store that fails as it is told."""
    environment = make_bucket_place(scripted_uploads, *ROWS, commands=app.commands, name="Acceptance")
    fill(environment, OLD)
    return environment


def lose(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None], turn: int) -> None:
    """Let something happen when so many objects were copied."""
    real, calls = bucket_mirror.copy, [0]

    def copy(*given: Any) -> Any:
        calls[0] += 1
        if calls[0] == turn:
            act()
        return real(*given)

    monkeypatch.setattr(bucket_mirror, "copy", copy)


def test_an_object_that_vanishes_while_the_others_come_in_leads_back(
    place: Environment, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = back_up(place)
    change(place)
    changed, uploads = state(place), uploads_of(place)

    def vanish() -> None:
        for key in uploads.keys(f"{uploads.prefix}.portal-in-"):
            uploads.at(key.rpartition("/")[0]).remove(key.rpartition("/")[2])

    lose(monkeypatch, vanish, len(NEW) + 2)
    done = restore(backup, place)

    assert done.status == Status.FAILED
    assert "holds its old data, unchanged" in done.message
    assert state(place) == changed
    assert app.is_running
    assert leftovers(place) == []
    assert not Swap.objects.exists()
    monkeypatch.undo()
    assert restore(backup, place).status == Status.COMPLETED


def test_a_store_that_goes_away_in_the_middle_is_waited_for(
    place: Environment, app: App, monkeypatch: pytest.MonkeyPatch, real_store: RcloneStore
) -> None:
    was, backup = state(place), back_up(place)
    change(place)
    lose(monkeypatch, real_store.stop, len(NEW) + 2)

    try:
        with pytest.raises(EnvironmentBusy, match="tried again until it is"):
            restore(backup, place)
        done = recover(Operation.objects.get(kind="restore"))
        assert done.status == Status.RUNNING
        assert not app.is_running  # never on a mixture
    finally:
        real_store.start()
    monkeypatch.undo()
    done = recover(done)

    assert done.status == Status.COMPLETED, done.message
    assert state(place) == was
    assert app.is_running
    assert leftovers(place) == []


@pytest.mark.parametrize("app", ["switch"], indirect=True)
def test_an_app_that_cannot_be_told_keeps_its_old_data(
    place: Environment, app: ToldApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    was, backup = state(place), back_up(place)
    change(place)
    changed, address = state(place), place.files_directory
    code = "import sys; sys.exit(5 if '.portal-' in sys.argv[1] else 0)"
    place.commands = {**app.commands, "files": shlex.join([sys.executable, "-I", "-S", "-c", code])}
    place.save()

    done = restore(backup, place)

    assert done.status == Status.FAILED
    assert "The files command ended with exit code 5." in done.message
    assert "holds its old data, unchanged" in done.message
    assert state(place) == changed
    place.refresh_from_db()
    assert place.files_directory == address
    assert app.is_running
    assert leftovers(place) == []

    place.commands = app.commands
    place.save()
    assert restore(backup, place).status == Status.COMPLETED
    refusing = shlex.join([sys.executable, "-I", "-S", "-c", code.replace("5 if", "0 if").replace("else 0", "else 5")])
    place.refresh_from_db()
    place.commands = {**app.commands, "files": refusing}
    place.save()
    assert undo(place).status == Status.FAILED
    assert state(place) == was
    place.commands = app.commands
    place.save()
    assert undo(place).status == Status.COMPLETED
    assert state(place) == changed
    assert leftovers(place) == []


def test_a_key_that_may_not_remove_is_told_before_the_app_is_stopped(
    fragile: Environment, app: App, scripted_store: ScriptedStore
) -> None:
    backup = back_up(fragile)
    change(fragile)
    changed = state(fragile)
    scripted_store.will("delete", "refuse", status=403, code="AccessDenied", skips=1, times=1)

    done = restore(backup, fragile)

    assert done.status == Status.FAILED
    assert "Let the portal's key list, read, write and delete there" in done.message
    assert not app.trace.exists()
    assert state(fragile) == changed
    assert leftovers(fragile) == []


def test_a_database_alone_needs_no_store(fragile: Environment, app: App, scripted_store: ScriptedStore) -> None:
    was, backup = state(fragile), back_up(fragile)
    change(fragile)
    scripted_store.will("all", "refuse", times=10_000)

    refused = restore(backup, fragile, contents=Contents.DATABASE, may_stop_app=False)
    done = restore(backup, fragile, contents=Contents.DATABASE)

    assert refused.status == Status.FAILED
    assert "is running" in refused.message
    assert done.status == Status.COMPLETED, done.message
    assert app.is_running
    scripted_store.faults.clear()
    assert state(fragile)[0] == was[0]
    assert leftovers(fragile) == []


def test_copies_that_end_in_an_error_below_a_200_are_made_again(
    fragile: Environment, app: App, scripted_store: ScriptedStore
) -> None:
    was, backup = state(fragile), back_up(fragile)
    change(fragile)
    scripted_store.will("copy", "refuse", status=200, code="InternalError", skips=2, times=3)

    done = restore(backup, fragile)

    assert done.status == Status.COMPLETED, done.message
    assert state(fragile) == was
    assert app.is_running


def test_a_generation_that_was_touched_does_not_come_back(fragile: Environment, app: App) -> None:
    backup = back_up(fragile)
    change(fragile)
    assert restore(backup, fragile).status == Status.COMPLETED
    held = state(fragile)
    generation = Generation.objects.get()
    place = fragile.files_address.parse(generation.files).prefix
    uploads_of(fragile).at(place).remove("same.txt")

    done = undo(fragile)

    assert done.status == Status.FAILED
    assert "is not whole any more" in done.message
    assert "Nothing was changed" in done.message
    assert state(fragile) == held
    assert app.is_running


def test_objects_are_checked_once_more_before_they_come_in(
    fragile: Environment, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the app was stopped: whoever changed them then, nothing live was touched."""
    backup = back_up(fragile)
    change(fragile)
    changed, real = state(fragile), BucketWriting.keep

    def keep(store: BucketWriting, *given: Any) -> None:
        real(store, *given)
        uploads = uploads_of(fragile)
        [key] = [key for key in uploads.keys(f"{uploads.prefix}.portal-in-") if key.endswith("/same.txt")]
        uploads.at(key.removesuffix("/same.txt")).remove("same.txt")

    monkeypatch.setattr(BucketWriting, "keep", keep)
    done = restore(backup, fragile)

    assert done.status == Status.FAILED
    assert "holds its old data, unchanged" in done.message
    assert state(fragile) == changed
    assert app.trace.read_text() == "stop start "
    assert leftovers(fragile) == []
