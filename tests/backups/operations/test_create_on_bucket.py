"""Create, download and verify where the uploaded files lie in a bucket."""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import call_command

from backups.choices import Condition
from backups.models import Backup
from backups.operations.holdings import Holdings
from backups.operations.prospect import Prospect
from backups.operations.verify import request_verify
from backups.storage import bucket, names
from environments import clock
from environments.choices import Status
from environments.lifecycle.run import run_here
from environments.models import Environment
from tests.backups.storage.trip import noise
from tests.factories import BackupFactory
from tests.stores.scripted import ScriptedStore
from tests.stores.uploads import Uploads
from tests.stores.vaults import SECRET

from .test_create import BY, ROWS, make, stored

pytestmark = pytest.mark.django_db(transaction=True)
FILES = {f"{number % 5}/{number}.bin": noise(1000 + number, number) for number in range(200)} | {"a.txt": b"one " * 99}


@pytest.fixture
def place(make_bucket_place: Callable[..., Environment], uploads: Uploads) -> Environment:
    uploads.put_all(FILES)
    return make_bucket_place(uploads, *ROWS, name="Live")


@pytest.fixture
def scripted_place(make_bucket_place: Callable[..., Environment], scripted_uploads: Uploads) -> Environment:
    scripted_uploads.put_all(dict(list(FILES.items())[:20]))
    return make_bucket_place(scripted_uploads, *ROWS, name="Live")


def taken(backup: Backup, path: Path) -> dict[str, bytes]:
    """What somebody holds who downloads its uploaded files."""
    call_command("download_backup", str(backup.pk), output=str(path), kind="files", format="zip")
    with zipfile.ZipFile(path) as opened:
        assert opened.testzip() is None
        found = {name: opened.read(name) for name in opened.namelist()}
    return {name.removeprefix("tree/"): content for name, content in found.items() if name.startswith("tree/")}


def test_a_backup_is_made_downloaded_verified_and_built_upon(
    place: Environment, uploads: Uploads, tmp_path: Path
) -> None:
    first = make(place)
    assert first.status == Status.COMPLETED, first.operation.message
    assert (first.files_count, first.files_bytes) == (201, sum(map(len, FILES.values())))
    assert taken(first, tmp_path / "first.zip") == FILES

    uploads.put("0/0.bin", "other")
    uploads.put("new.txt", "new")
    uploads.remove("1/1.bin")
    packs = stored(names.packs_folder(place.pk))
    second = make(place)
    now = {name: content for name, content in FILES.items() if name != "1/1.bin"} | {
        "0/0.bin": b"other",
        "new.txt": b"new",
    }
    assert taken(second, tmp_path / "second.zip") == now == uploads.contents()
    assert len(stored(names.packs_folder(place.pk))) == len(packs) + 1

    for backup in (first, second):
        done = run_here(request_verify(backup, by=BY, is_rung=False))
        backup.refresh_from_db()
        assert (done.status, backup.condition) == (Status.COMPLETED, Condition.GOOD)


def test_what_it_holds_and_what_a_restore_would_meet_is_told(place: Environment) -> None:
    files = Holdings(place).files
    assert files is not None
    assert (files.number, files.size) == (201, sum(map(len, FILES.values())))
    backup = make(place)
    said = {finding.words: finding.detail for finding in Prospect(backup, place).findings}
    assert said["The uploaded files' store answers"] == "how much room it has, it does not tell"
    place.files_address = replace(place.files_address, bucket="no-bucket")
    said = {finding.words: finding.detail for finding in Prospect(backup, place).findings}
    assert "There is no bucket no-bucket" in said["The uploaded files' store cannot be seen"]


def test_a_key_that_can_be_no_file_leaves_no_backup(scripted_place: Environment, scripted_uploads: Uploads) -> None:
    scripted_uploads.put("odd//name", "x")
    backup = make(scripted_place)
    assert backup.status == Status.FAILED
    assert "The object odd//name in the uploaded files is no path of a file" in backup.operation.message
    assert stored() == []


def test_wrong_credentials_are_said_before_anything_is_stored(place: Environment) -> None:
    place.files_address = replace(place.files_address, secret="wrong")
    place.save()
    backup = make(place)
    assert backup.status == Status.FAILED
    assert "does not accept the secret in the registered address of the uploaded files" in backup.operation.message
    assert SECRET not in backup.operation.message
    assert stored() == []


@pytest.mark.parametrize("kind", ["get", "list"])
def test_credentials_that_expire_in_the_middle_leave_nothing(
    kind: str, scripted_place: Environment, scripted_store: ScriptedStore
) -> None:
    scripted_store.will(kind, "refuse", times=999, skips=9, status=403, code="ExpiredToken")
    backup = make(scripted_place)
    assert backup.status == Status.FAILED
    assert "The credentials for the store of uploaded files at s3://vaults/app/uploads have expired" in (
        backup.operation.message
    )
    assert stored() == []
    scripted_store.faults.clear()
    assert make(scripted_place).status == Status.COMPLETED


def test_a_young_backup_is_followed_by_one_that_reads_nothing(
    scripted_place: Environment, scripted_store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in scripted_store.shelves.objects.values():
        one.changed_at = clock.now().replace(year=2020)
    make(scripted_place)
    scripted_store.asked.clear()
    assert make(scripted_place).status == Status.COMPLETED
    assert set(scripted_store.asked) == {"list"}


def test_nobody_waits_long_for_a_page_when_the_store_is_silent(
    scripted_place: Environment, scripted_store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "HURRIED_SECONDS", 0.2)
    scripted_store.will("list", "slow", times=99, seconds=60)
    scripted_store.asked.clear()
    assert Holdings(scripted_place).files is None
    said = {finding.words: finding.detail for finding in Prospect(BackupFactory(), scripted_place).findings}
    assert "does not answer in time" in said["The uploaded files' store cannot be seen"]
    assert scripted_store.asked == ["list", "list"]
