"""A worker killed at every step: nothing half-made is Completed, nothing is left, and the backup is made again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.utils import timezone

from backups.models import Backup
from backups.operations.create import request_create
from backups.storage import names
from backups.storage.manifest import ManifestReader
from backups.storage.vault import open_vault
from environments.actors import Actor
from environments.choices import Status
from environments.lifecycle.reaper import reap
from environments.lifecycle.run import run_here
from environments.models import Environment, Operation
from environments.programs import start_ticks
from portal.config import ROOT
from tests.faults.killed import STEPS

from .length import steps_of_this_run

pytestmark = pytest.mark.django_db(transaction=True)
BY = Actor("Ines Duarte", "person")
ENDS_AT = {"finished": Status.COMPLETED}


@pytest.fixture
def place(make_place: Callable[..., Environment]) -> Environment:
    """Large enough that a dump and a pack are under way when the worker dies."""
    environment = make_place("CREATE TABLE wide AS SELECT repeat(md5(n::text), 60) FROM generate_series(1, 20000) n")
    for number in range(40):
        (Path(environment.files_directory) / f"{number}.bin").write_bytes(os.urandom(100_000))
    return environment


def perform_and_die(operation: Operation, step: str, environ: dict[str, str]) -> None:
    command = [sys.executable, "-m", "tests.faults.killed", str(operation.pk), step]
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr


def let_the_lease_end(operation: Operation) -> None:
    Operation.objects.filter(pk=operation.pk, status=Status.RUNNING).update(
        lease_until=timezone.now() - timedelta(seconds=1)
    )


def objects_of(environment: Environment) -> set[str]:
    folder = Path(settings.VAULT_LOCATION) / names.environment_folder(environment.pk)
    return {str(path.relative_to(settings.VAULT_LOCATION)) for path in folder.rglob("*") if path.is_file()}


def sessions_of(environment: Environment, label: str) -> int:
    address = environment.database_address
    conninfo = psycopg.conninfo.make_conninfo(
        host=address.host, port=address.port, dbname=address.name, user=address.user, password=address.password
    )
    with psycopg.connect(conninfo) as db:
        found = db.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [label]).fetchone()
    assert found
    return int(found[0])


@pytest.mark.parametrize("step", steps_of_this_run(STEPS))
def test_a_worker_killed_at(step: str, place: Environment, process_environ: dict[str, str]) -> None:
    earlier = request_create(place, by=BY, is_rung=False)
    run_here(earlier.operation)
    kept = objects_of(place)
    (Path(place.files_directory) / "new.bin").write_bytes(os.urandom(200_000))
    backup = request_create(place, by=BY, is_rung=False)
    perform_and_die(backup.operation, step, process_environ)

    operation = Operation.objects.get(pk=backup.operation_id)
    assert operation.status == ENDS_AT.get(step, Status.RUNNING)
    if step == "finished":
        assert_whole(backup)
        return
    let_the_lease_end(operation)
    reap()

    operation.refresh_from_db()
    assert (operation.status, operation.attempt) == (Status.QUEUED, 1)
    assert objects_of(place) == kept
    assert sessions_of(place, f"op-{operation.pk.hex}.1") == 0
    assert_gone(operation.child)

    run_here(operation)
    assert_whole(backup)
    mine = {name for name in objects_of(place) if str(backup.pk) in name}
    assert mine and all(f"{backup.pk}.2" in name for name in mine)


def assert_gone(child: str) -> None:
    pid, _, ticks = child.partition("|")
    deadline = time.monotonic() + 20
    while child and start_ticks(int(pid)) == ticks and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not child or start_ticks(int(pid)) != ticks


def assert_whole(backup: Backup) -> None:
    """Completed, and everything its manifest names is there as it says."""
    backup = Backup.objects.select_related("operation").get(pk=backup.pk)
    assert backup.status == Status.COMPLETED
    assert backup.stored_attempt is not None
    vault = open_vault()
    manifest = ManifestReader(vault, names.manifest(backup.environment_id, backup.pk, backup.stored_attempt))
    for name, size, _ in manifest.end["packs"]:
        assert vault.size(name) == size
    dump = manifest.end["dump"]
    assert vault.size(dump["name"]) == dump["bytes"] == backup.database_bytes
    assert sum(1 for _ in manifest.files()) == backup.files_count == 41
