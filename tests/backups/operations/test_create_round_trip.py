"""What a backup holds comes back whole by public tools alone: pg_restore and any unpacker."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command

from backups.models import Backup
from backups.operations.create import request_create
from environments.actors import Actor
from environments.addresses import DatabaseAddress
from environments.choices import Status
from environments.lifecycle.run import run_here
from environments.models import Environment
from portal.demo.postgres import server_programs
from tests import fingerprint, rich

BY = Actor("Ines Duarte", "person")


def create(environment: Environment, **asked: object) -> Backup:
    backup = request_create(environment, by=BY, is_rung=False, **asked)
    operation = run_here(backup.operation)
    assert operation.status == Status.COMPLETED, operation.message
    backup.refresh_from_db()
    return Backup.objects.select_related("operation").get(pk=backup.pk)


def take_home(backup: Backup, folder: Path, kind: str, archive_format: str = "zip") -> Path:
    target = folder / f"{kind}.{'backup' if kind == 'database' else archive_format}"
    call_command("download_backup", str(backup.pk), output=str(target), kind=kind, format=archive_format)
    return target


def load(dump: Path, into: DatabaseAddress) -> None:
    command = [str(server_programs() / "pg_restore"), "--exit-on-error", "--no-owner", "-d", into.to_url(), str(dump)]
    subprocess.run(command, check=True, env={"PGPASSWORD": into.password, "PATH": os.environ["PATH"]})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("archive_format", ["zip", "tar.gz"])
def test_a_full_backup_brings_back_the_same_rows_and_files(
    make_place: Callable[..., Environment],
    make_database: Callable[..., DatabaseAddress],
    tmp_path: Path,
    archive_format: str,
) -> None:
    environment = make_place(*rich.statements())
    rich.fill_tree(Path(environment.files_directory), small=20_000)
    database = fingerprint.plain_dump(environment.database_address)
    files = fingerprint.of_tree(Path(environment.files_directory))
    backup = create(environment)

    archive = take_home(backup, tmp_path, "full", archive_format)
    home = tmp_path / "home"
    home.mkdir()
    shutil.unpack_archive(archive, home, "zip" if archive_format == "zip" else "gztar")
    fresh = make_database()
    load(home / "db" / "db.backup", fresh)

    assert fingerprint.plain_dump(fresh) == database
    assert renamed_back(home) == {name: digest for name, (_, digest) in files.items()}
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], check=True, cwd=home)


def renamed_back(home: Path) -> dict[bytes, str]:
    """The unpacked tree under the names it had, by NAMES.json."""

    names = json.loads((home / "NAMES.json").read_text())
    originals = {os.fsencode(there): os.fsencode(original) for there, original in names.items()}
    found = fingerprint.of_tree(home / "tree")
    there = {b"tree/" + name: digest for name, (_, digest) in found.items()}
    return {originals.get(name, name).removeprefix(b"tree/"): digest for name, digest in there.items()}
