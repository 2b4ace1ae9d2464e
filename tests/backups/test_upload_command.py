"""upload_data takes the same road as the page: read to the end, name given, all or nothing."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from backups.models import Upload
from backups.storage import spool
from environments.choices import Status
from environments.models import Environment, Operation
from tests.apps import App
from tests.backups.uploaded import FILES, dump_of, files_in, leftovers, state, zip_of

pytestmark = pytest.mark.django_db(transaction=True)


def upload(target: Environment, **options: object) -> None:
    call_command("upload_data", str(target), **{"confirm": str(target), "here": True, **options})


@pytest.fixture
def files(tmp_path: Path) -> Path:
    path = tmp_path / "files.zip"
    path.write_bytes(FILES)
    return path


def test_dump_and_files_replace_everything(
    target: Environment, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dump = tmp_path / "data.backup"
    dump.write_bytes(dump_of(target.database_address))
    was = state(target)

    upload(target, database=dump, files=files, json=True)

    said = json.loads(capsys.readouterr().out)
    assert (said["kind"], said["status"], said["environment"]) == ("upload", "Completed", str(target))
    assert state(target)[0] == was[0]
    assert files_in(target) == {"a": b"new", "folder/b": b"newer"}
    assert leftovers(target) == []
    assert list(spool.folder().iterdir()) == []


def test_it_can_be_left_to_the_workers(target: Environment, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    upload(target, files=files, here=False)

    operation = Operation.objects.get(kind="upload")
    assert operation.status == Status.QUEUED
    assert capsys.readouterr().out == f"{operation.pk} Queued\n"
    assert Upload.objects.get().operation == operation


def refused(target: Environment, **options: object) -> str:
    was = state(target)
    with pytest.raises(CommandError) as caught:
        upload(target, **options)
    assert caught.value.returncode == 1
    assert state(target) == was
    assert not Upload.objects.exists()
    assert list(spool.folder().iterdir()) == []
    assert leftovers(target) == []
    return str(caught.value)


def test_what_cannot_be_taken_is_refused_in_one_sentence_and_nothing_stays(
    target: Environment, files: Path, tmp_path: Path, stopped_app: App
) -> None:
    bad, empty = tmp_path / "bad.backup", tmp_path / "empty.zip"
    bad.write_bytes(b"-- PostgreSQL database dump\nSELECT 1;\n")
    empty.write_bytes(zip_of())

    assert "is a dump in plain SQL" in refused(target, database=bad)
    assert "is a dump in plain SQL" in refused(target, files=files, database=bad)
    assert "cannot be read" in refused(target, files=tmp_path / "nowhere.zip")
    assert "one full backup alone" in refused(target, files=files, full=files)
    assert "one full backup alone" in refused(target)
    assert "not the name" in refused(target, files=files, confirm="other/place")
    assert "--allow-empty" in refused(target, files=empty)
    stopped_app.start()
    assert "is running" in refused(target, files=files)


def test_an_empty_archive_may_be_meant_so(target: Environment, tmp_path: Path) -> None:
    empty = tmp_path / "empty.zip"
    empty.write_bytes(zip_of())

    upload(target, files=empty, allow_empty=True)

    assert files_in(target) == {}


def test_what_a_download_gave_can_be_brought_back(target: Environment, tmp_path: Path) -> None:
    full, was = tmp_path / "full.zip", state(target)
    call_command("create_backup", str(target), here=True)
    call_command("download_backup", f"{target}/latest", output=str(full))

    upload(target, full=full)

    assert state(target) == was
