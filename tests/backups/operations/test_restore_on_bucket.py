"""Restore, upload and undo where an app's files are in a bucket: the old or the new, in both ways of exchange."""

import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from backups.choices import Contents, UploadPart
from backups.models import Generation
from backups.operations.generations import discard_expired
from environments import clock
from environments.choices import State, Status
from environments.models import Environment
from tests import fingerprint
from tests.apps import App
from tests.backups.operations.bucket_places import OLD, ToldApp, change, fill, leftovers, state, undo, uploads_of
from tests.backups.operations.test_restore import ROWS, back_up, restore
from tests.backups.operations.test_restore import fill as fill_directory
from tests.backups.uploaded import FILES, bring, put
from tests.stores.uploads import Uploads

pytestmark = pytest.mark.django_db(transaction=True)
both_ways = pytest.mark.parametrize("app", ["objects", "switch"], indirect=True)


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


@both_ways
def test_a_restore_and_its_undo_and_the_undo_of_that(place: Environment, app: App) -> None:
    uploads_of(place).put("page", "<p>", ContentType="text/html", CacheControl="max-age=3")
    was = state(place)
    backup = back_up(place)
    change(place)
    changed = state(place)

    for held in (was, changed, was):
        done = undo(place) if Generation.objects.exists() else restore(backup, place)
        assert done.status == Status.COMPLETED, done.message
        assert state(place) == held
        assert app.is_running
        assert leftovers(place) == []
        if isinstance(app, ToldApp):
            assert app.address and app.address.prefix == place.files_address.prefix
            assert not (app.address.key or app.address.secret)

    told = uploads_of(place).headers("page")
    assert (told["ContentType"], told["CacheControl"]) == ("text/html", "max-age=3")


@pytest.mark.parametrize("contents", [Contents.DATABASE, Contents.FILES])
def test_one_part_alone(place: Environment, contents: Contents) -> None:
    was, backup = state(place), back_up(place)
    change(place)
    changed, part = state(place), 0 if contents == Contents.DATABASE else 1

    assert restore(backup, place, contents=contents).status == Status.COMPLETED
    assert (state(place)[part], state(place)[1 - part]) == (was[part], changed[1 - part])

    assert undo(place).status == Status.COMPLETED
    assert state(place) == changed
    assert leftovers(place) == []


def test_a_backup_goes_from_a_bucket_into_a_directory_and_the_other_way(
    place: Environment, make_place: Callable[..., Environment]
) -> None:
    other = make_place(*ROWS, app=place.app, name="Test", package=place.package)
    fill_directory(other, "here")

    done = restore(back_up(place), other, is_said_stopped=True)
    assert done.status == Status.COMPLETED, done.message
    tree = fingerprint.of_tree(Path(other.files_directory))
    files = {name for name, (_, digest) in tree.items() if digest and not name.startswith(b".portal")}
    assert files == {name.encode() for name in OLD}
    assert stat.S_IMODE((Path(other.files_directory) / "same.txt").stat().st_mode) == 0o644

    (Path(other.files_directory) / "more.txt").write_text("more")
    done = restore(back_up(other), place)
    assert done.status == Status.COMPLETED, done.message
    assert state(place)[1] == {**OLD, "more.txt": b"more"}
    assert uploads_of(place).headers("more.txt")["ContentType"] == "text/plain"


@both_ways
def test_what_people_bring_takes_the_place_of_everything(place: Environment, app: App) -> None:
    was = state(place)
    app.flag.unlink()

    done = put(place, bring(place, UploadPart.FILES, FILES))

    assert done.status == Status.COMPLETED, done.message
    assert state(place)[1] == {"a": b"new", "folder/b": b"newer"}
    place.refresh_from_db()
    assert place.state == State.EMPTY
    assert leftovers(place) == []
    assert undo(place).status == Status.COMPLETED
    assert state(place) == was
    assert leftovers(place) == []


@both_ways
def test_what_left_is_removed_when_its_time_is_over(place: Environment) -> None:
    backup = back_up(place)
    for _ in range(2):
        change(place)
        assert restore(backup, place).status == Status.COMPLETED
        assert leftovers(place) == []
    now = state(place)

    Generation.objects.update(undo_until=clock.now() - timedelta(seconds=1))
    discard_expired()

    assert set(Generation.objects.values_list("kept", flat=True)) == {"gone"}
    assert leftovers(place) == []
    assert state(place) == now
