"""The whole way on a real S3 store: create, download, verify, restore, delete, prune; and a store that is restarted."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from backups.choices import Condition, Contents, Format
from backups.models import Backup, Installation
from backups.operations.create import request_create
from backups.operations.delete import request_delete
from backups.operations.download import open_archive
from backups.operations.verify import request_verify
from backups.storage import names
from backups.storage.vault import open_vault
from environments import clock
from environments.choices import Status
from environments.lifecycle.run import run_here
from environments.models import Environment
from tests.apps import App
from tests.backups.operations.pruned import DAY, prune
from tests.backups.operations.test_restore import BY, ROWS, back_up, change, fill, leftovers, restore, state
from tests.backups.storage.trip import everything, noise
from tests.stores.rclone import RcloneStore
from tests.stores.vaults import BUCKET, use_vault

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def app(tmp_path: Path) -> App:
    folder = tmp_path / "app"
    folder.mkdir()
    return App(folder)


@pytest.fixture
def prefix(tmp_path: Path, settings: Settings, real_store: RcloneStore) -> str:
    use_vault(settings, real_store.endpoint, tmp_path.name)
    return tmp_path.name


@pytest.fixture
def place(make_place: Callable[..., Environment], app: App, prefix: str) -> Environment:
    """Rows, small files, and one of several parts."""
    environment = make_place(*ROWS, commands=app.commands, name="Acceptance")
    fill(environment, "old")
    (Path(environment.files_directory) / "large.bin").write_bytes(noise(20 << 20))
    return environment


def kept_files(store: RcloneStore, prefix: str) -> set[str]:
    """What the store itself has on its disk, what it keeps of unfinished uploads included."""
    root = store.root / BUCKET / prefix
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def verify(backup: Backup) -> tuple[str, str]:
    done = run_here(request_verify(backup, by=BY, is_rung=False))
    backup.refresh_from_db()
    return done.status, backup.condition


def test_from_the_first_backup_to_the_last_prune(
    place: Environment, app: App, real_store: RcloneStore, prefix: str, tmp_path: Path
) -> None:
    was = state(place)
    first = back_up(place)
    change(place)
    second = back_up(place)
    assert (second.stored_bytes or 0) < 1 << 20  # the large file is stored once

    assert verify(first) == (Status.COMPLETED, Condition.GOOD)
    archive = tmp_path / "home.zip"
    call_command("download_backup", str(first.pk), output=str(archive), kind="full", format="zip")
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        assert opened.read("tree/large.bin") == noise(20 << 20)
    assert restore(first, place).status == Status.COMPLETED
    assert state(place) == was
    assert leftovers(place) == []

    assert run_here(request_delete(first, by=BY, confirm=None, is_rung=False)).status == Status.COMPLETED
    (Path(place.files_directory) / "large.bin").unlink()
    third = back_up(place)
    assert run_here(request_delete(second, by=BY, confirm=None, is_rung=False)).status == Status.COMPLETED
    now = clock.now()
    for days in (0, 1.1, 2.2):
        assert prune(place, at=now + days * DAY).status == Status.COMPLETED
    assert verify(third) == (Status.COMPLETED, Condition.GOOD)
    left = {name.split("/")[2] for name in everything(open_vault()) - {names.MARKER}}
    assert left <= {"backups", "packs", "moves"}
    assert kept_files(real_store, prefix) == everything(open_vault())
    assert sum(path.stat().st_size for path in (real_store.root / BUCKET / prefix).rglob("*")) < 1 << 20


def test_any_range_of_a_download_comes_from_the_store(place: Environment) -> None:
    backup = back_up(place)
    for contents in (Contents.FULL, Contents.FILES, Contents.DATABASE):
        download = open_archive(backup, contents, Format.ZIP)
        whole = b"".join(download.stream())
        assert len(whole) == download.length
        for start, end in ((0, 1), (len(whole) // 3, len(whole) // 3 + 1000), (len(whole) - 70, len(whole))):
            assert b"".join(download.stream(start, end)) == whole[start:end]


def test_what_rots_in_the_store_is_found_and_not_put_back(
    place: Environment, real_store: RcloneStore, prefix: str
) -> None:
    backup = back_up(place)
    [pack] = (real_store.root / BUCKET / prefix / names.packs_folder(place.pk)).iterdir()
    content = bytearray(pack.read_bytes())
    content[1000] ^= 1
    pack.write_bytes(content)
    change(place)
    changed = state(place)

    assert verify(backup) == (Status.FAILED, Condition.DAMAGED)
    Backup.objects.filter(pk=backup.pk).update(condition=Condition.UNVERIFIED)
    done = restore(Backup.objects.get(pk=backup.pk), place)

    assert done.status == Status.FAILED
    assert state(place) == changed


def test_another_portal_on_the_same_prefix_is_refused(place: Environment) -> None:
    back_up(place)
    before = everything(open_vault())
    Installation.objects.all().delete()
    Installation.objects.create(marked_at=clock.now())

    for done in (prune(place), run_here(request_create(place, by=BY, is_rung=False).operation)):
        assert done.status == Status.FAILED
        assert "belongs to another installation" in done.message
    assert everything(open_vault()) == before
