"""download_backup: into a file, down a pipe, and never half a file under the whole one's name."""

import hashlib
import io
import json
import os
import pty
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from backups.models import Backup
from backups.storage import names
from environments.models import Activity, Environment
from tests.workers import ROOT

from .taken import DUMP, keep_backup

pytestmark = pytest.mark.django_db


@pytest.fixture
def backup(environment: Environment, tmp_path: Path) -> Backup:
    root = tmp_path / "files"
    root.mkdir()
    (root / "one.txt").write_text("one")
    return keep_backup(environment, root)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def take(backup: Backup, output: Path, **options: object) -> str:
    out = io.StringIO()
    call_command("download_backup", str(backup.pk), output=str(output), stdout=out, **options)
    return out.getvalue()


def refused(backup: Backup, output: Path, **options: object) -> str:
    with pytest.raises(CommandError) as refusal:
        take(backup, output, **options)
    assert refusal.value.returncode == 1
    return str(refusal.value)


def test_the_full_backup_is_the_default(backup: Backup, home: Path) -> None:
    said = take(backup, home / "live.zip")

    with zipfile.ZipFile(home / "live.zip") as archive:
        assert archive.read("db/db.backup") == DUMP
        assert archive.read("tree/one.txt") == b"one"
    assert hashlib.sha256((home / "live.zip").read_bytes()).hexdigest() in said
    assert [path.name for path in home.iterdir()] == ["live.zip"]
    assert (home / "live.zip").stat().st_mode & 0o777 == 0o600


def test_the_latest_is_meant_by_its_name(backup: Backup, home: Path) -> None:
    call_command("download_backup", "order-desk/live/latest", output=str(home / "f"), kind="database")

    assert (home / "f").read_bytes() == DUMP


def test_the_files_come_as_a_tar_too(backup: Backup, home: Path) -> None:
    take(backup, home / "files.tar.gz", kind="files", format="tar.gz")

    with tarfile.open(home / "files.tar.gz") as archive:
        assert "tree/one.txt" in archive.getnames()
        assert "db/db.backup" not in archive.getnames()


def test_json_says_what_was_written(backup: Backup, home: Path) -> None:
    said = json.loads(take(backup, home / "live.backup", kind="database", json=True))

    assert said == {
        "backup": str(backup.pk),
        "output": str(home / "live.backup"),
        "filename": "order-desk-live-202611251430.backup",
        "kind": "database",
        "format": "backup",
        "bytes": len(DUMP),
        "sha256": hashlib.sha256(DUMP).hexdigest(),
    }


def test_it_is_written_into_the_history(backup: Backup, home: Path) -> None:
    take(backup, home / "live.zip")

    [line] = Activity.objects.filter(action="download.started")
    assert line.actor_name.startswith("Command line (")
    assert line.facts["bytes"] == (home / "live.zip").stat().st_size


def test_a_file_that_is_there_stays_as_it_is(backup: Backup, home: Path) -> None:
    (home / "live.zip").write_text("mine")
    (home / "gone.zip").symlink_to(home / "nowhere")

    assert "is there already and was not overwritten" in refused(backup, home / "live.zip")
    assert "is there already" in refused(backup, home / "gone.zip")

    assert (home / "live.zip").read_text() == "mine"
    assert not Activity.objects.filter(action="download.started").exists()


def test_two_at_once_do_not_write_into_each_other(backup: Backup, home: Path) -> None:
    (home / "live.zip.part").touch()

    assert "Remove it, then try again" in refused(backup, home / "live.zip")


def test_a_folder_that_is_not_there_is_named(backup: Backup, home: Path) -> None:
    assert "is not there" in refused(backup, home / "none" / "live.zip")


@pytest.mark.parametrize("kind", ["full", "database"])
def test_a_dump_that_was_changed_is_not_kept(backup: Backup, home: Path, kind: str) -> None:
    path = Path(settings.VAULT_LOCATION) / names.dump(backup.environment_id, backup.pk, 1)
    path.write_bytes(DUMP[:-1] + b"x")

    assert "is not what was saved" in refused(backup, home / "live", kind=kind)

    assert list(home.iterdir()) == []


def test_a_file_that_was_changed_is_not_kept(backup: Backup, home: Path) -> None:
    [pack] = (Path(settings.VAULT_LOCATION) / names.packs_folder(backup.environment_id)).iterdir()
    pack.write_bytes(b"two")

    assert "one.txt" in refused(backup, home / "live.zip")

    assert list(home.iterdir()) == []


def test_a_backup_that_is_being_deleted_is_refused(backup: Backup, home: Path) -> None:
    Backup.objects.update(removal_at=backup.created_at)

    assert "being deleted" in refused(backup, home / "live.zip")


@pytest.mark.django_db(transaction=True)
def test_a_pipe_gets_the_bytes_and_nothing_else(backup: Backup, process_environ: dict[str, str]) -> None:
    command = [sys.executable, "manage.py", "download_backup", str(backup.pk), "--output", "-", "--kind", "database"]

    for more in ([], ["--json"]):
        done = subprocess.run([*command, *more], cwd=ROOT, env=process_environ, capture_output=True)
        assert (done.returncode, done.stdout) == (0, DUMP), done.stderr
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, cwd=ROOT, env=process_environ, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.decode().strip().startswith("No space left for the output.")


@pytest.mark.django_db(transaction=True)
def test_a_reader_that_goes_ends_it_with_a_sentence(
    environment: Environment, tmp_path: Path, process_environ: dict[str, str]
) -> None:
    (tmp_path / "none").mkdir()
    backup = keep_backup(environment, tmp_path / "none", [DUMP] * 20)
    command = [sys.executable, "manage.py", "download_backup", str(backup.pk), "--output", "-"]

    with subprocess.Popen(
        command, cwd=ROOT, env=process_environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout and process.stderr
        process.stdout.read(10)
        process.stdout.close()
        said = process.stderr.read().decode()

    assert process.returncode == 1
    assert said.strip() == "Whoever was reading has gone; the download is not complete."


@pytest.mark.django_db(transaction=True)
def test_a_terminal_shows_how_far_it_is(
    environment: Environment, tmp_path: Path, home: Path, process_environ: dict[str, str]
) -> None:
    (tmp_path / "none").mkdir()
    backup = keep_backup(environment, tmp_path / "none", [DUMP] * 20)
    ours, theirs = pty.openpty()
    command = [sys.executable, "manage.py", "download_backup", str(backup.pk), "--output", str(home / "f")]

    done = subprocess.run(command, cwd=ROOT, env=process_environ, stderr=theirs, stdout=subprocess.PIPE)

    os.close(theirs)
    assert done.returncode == 0
    assert b"100 %" in os.read(ours, 10_000)
    os.close(ours)
