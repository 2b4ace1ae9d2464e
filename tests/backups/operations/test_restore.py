"""Restore and undo: the old data or the new, whole, and the app runs again if it ran before."""

import os
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from backups.choices import Contents
from backups.errors import NameNotTyped, NothingToUndo, NotOfThisApp, VersionNotAccepted
from backups.models import Backup, Generation
from backups.operations.create import request_create
from backups.operations.exchange import place_of
from backups.operations.restore import request_restore
from backups.operations.undo import request_undo
from environments.actors import Actor
from environments.choices import Origin, Status
from environments.lifecycle.run import run_here
from environments.models import Environment, Operation
from tests import fingerprint
from tests.apps import App
from tests.factories import PackageFactory

pytestmark = pytest.mark.django_db(transaction=True)
BY = Actor("Ines Duarte", Origin.PERSON)
ROWS = ("CREATE TABLE orders (id int, what text)", "INSERT INTO orders SELECT n, 'row' FROM generate_series(1, 100) n")


@pytest.fixture
def app(tmp_path: Path) -> App:
    folder = tmp_path / "app"
    folder.mkdir()
    return App(folder)


@pytest.fixture
def place(make_place: Callable[..., Environment], app: App) -> Environment:
    environment = make_place(*ROWS, commands=app.commands, name="Acceptance")
    fill(environment, "old")
    return environment


def fill(environment: Environment, word: str) -> None:
    root = Path(environment.files_directory)
    (root / "folder").mkdir(exist_ok=True)
    (root / "folder" / f"{word}.txt").write_text(word * 1000)
    (root / "same.txt").write_text(word)


def change(environment: Environment) -> None:
    """What the app did since the backup."""
    address = environment.database_address
    with psycopg.connect(
        host=address.host, port=address.port, dbname=address.name, user=address.user, password=address.password
    ) as db:
        db.execute("DELETE FROM orders WHERE id > 50")
        db.execute("CREATE TABLE later (id int)")
    fill(environment, "new")


def state(environment: Environment) -> tuple[list[str], dict[bytes, tuple[int, str]]]:
    files = fingerprint.of_tree(Path(environment.files_directory))
    return (
        fingerprint.plain_dump(environment.database_address),
        {name: facts for name, facts in files.items() if not name.startswith(b".portal")},
    )


def back_up(environment: Environment) -> Backup:
    backup = request_create(environment, by=BY, is_rung=False)
    operation = run_here(backup.operation)
    assert operation.status == Status.COMPLETED, operation.message
    return Backup.objects.select_related("operation", "environment__app").get(pk=backup.pk)


def restore(backup: Backup, into: Environment, **asked: object) -> Operation:
    asked = {"may_stop_app": True, "confirm": None, **asked}
    return run_here(request_restore(backup, into=into, by=BY, is_rung=False, **asked))  # type: ignore[arg-type]


def leftovers(environment: Environment) -> list[str]:
    """Databases and trees beside the live ones, but for the one generation that is kept."""
    kept = Generation.objects.filter(environment=environment, kept="kept").values_list("database", "files")
    names = {name for pair in kept for name in pair if name}
    with place_of(environment).beside() as connection:
        query = "SELECT datname FROM pg_database WHERE datname LIKE 'portal_%%' AND pg_get_userbyid(datdba) = %s"
        rows = connection.execute(query, [environment.database_address.user]).fetchall()
    live = Path(environment.files_directory)
    trees = [str(path) for path in live.parent.iterdir() if f".{live.name}.portal-" in path.name]
    scratch = [str(path) for path in (Path(settings.DATA_DIR) / "scratch").glob("*")]
    return [one for one in [str(name) for (name,) in rows] + trees + scratch if one not in names]


def test_a_restore_brings_back_rows_and_files_and_the_app_runs_again(place: Environment, app: App) -> None:
    was = state(place)
    backup = back_up(place)
    change(place)

    operation = restore(backup, place)

    assert operation.status == Status.COMPLETED, operation.message
    assert state(place) == was
    assert app.is_running
    assert app.trace.read_text() == "stop start "
    assert leftovers(place) == []


def test_undo_brings_back_what_was_live_and_can_itself_be_undone(place: Environment, app: App) -> None:
    was = state(place)
    backup = back_up(place)
    change(place)
    changed = state(place)
    restore(backup, place)

    undone = run_here(request_undo(place, by=BY, confirm=None, is_rung=False))
    assert undone.status == Status.COMPLETED, undone.message
    assert state(place) == changed

    again = run_here(request_undo(place, by=BY, confirm=None, is_rung=False))
    assert again.status == Status.COMPLETED, again.message
    assert state(place) == was
    assert app.is_running
    assert leftovers(place) == []


@pytest.mark.parametrize("contents", [Contents.DATABASE, Contents.FILES])
def test_one_part_alone_is_put_back_and_taken_back(place: Environment, contents: Contents) -> None:
    was = state(place)
    backup = back_up(place)
    change(place)
    changed = state(place)
    part = 0 if contents == Contents.DATABASE else 1

    assert restore(backup, place, contents=contents).status == Status.COMPLETED
    assert state(place)[part] == was[part]
    assert state(place)[1 - part] == changed[1 - part]

    run_here(request_undo(place, by=BY, confirm=None, is_rung=False))
    assert state(place) == changed
    assert leftovers(place) == []


def test_a_running_app_is_not_touched_without_consent(place: Environment, app: App) -> None:
    backup = back_up(place)
    change(place)
    changed = state(place)

    operation = restore(backup, place, may_stop_app=False)

    assert operation.status == Status.FAILED
    assert "is running" in operation.message
    assert state(place) == changed
    assert app.is_running
    assert not app.trace.exists()
    assert leftovers(place) == []


def test_a_stopped_app_stays_stopped(place: Environment, app: App) -> None:
    backup = back_up(place)
    app.flag.unlink()

    assert restore(backup, place).status == Status.COMPLETED
    assert not app.is_running


def test_a_backup_of_another_version_asks_and_the_app_stays_stopped(place: Environment, app: App) -> None:
    backup = back_up(place)
    place.package = PackageFactory(app=place.app, model_version="9.9.9")
    place.save()

    with pytest.raises(VersionNotAccepted):
        restore(backup, place)
    operation = restore(backup, place, accepts_version=True)

    assert operation.status == Status.COMPLETED
    assert f"deploy {backup.model_version}" in operation.message
    assert not app.is_running


def test_another_apps_environment_and_an_untyped_name_are_refused(
    place: Environment, make_place: Callable[..., Environment]
) -> None:
    backup = back_up(place)
    with pytest.raises(NotOfThisApp):
        restore(backup, make_place(*ROWS))
    live = make_place(*ROWS, app=place.app, is_production=True, name="Live", package=place.package)
    with pytest.raises(NameNotTyped):
        restore(backup, live, confirm="live?")


def test_nothing_is_there_to_undo_at_first(place: Environment) -> None:
    with pytest.raises(NothingToUndo):
        request_undo(place, by=BY, confirm=None)


def test_a_damaged_pack_is_refused_before_the_app_is_stopped(place: Environment, app: App) -> None:
    (Path(place.files_directory) / "noise.bin").write_bytes(os.urandom(50_000))
    backup = back_up(place)
    change(place)
    changed = state(place)
    pack = next(Path(settings.VAULT_LOCATION).rglob("packs/*"))
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    pack.write_bytes(content)

    operation = restore(backup, place)

    assert operation.status == Status.FAILED
    assert state(place) == changed
    assert app.is_running
    assert not app.trace.exists()
    assert leftovers(place) == []
