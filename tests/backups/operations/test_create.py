"""Create: what is stored, what is said, and what is left when it does not succeed."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from backups.choices import Rule
from backups.errors import Failed
from backups.models import Backup
from backups.operations import create as module
from backups.operations import making
from backups.operations.create import request_create
from backups.storage import names
from backups.storage.manifest import ManifestReader
from backups.storage.vault import DirectoryVault, open_vault
from environments.actors import Actor
from environments.choices import Failure, Status
from environments.errors import EnvironmentBusy
from environments.lifecycle.attempt import Attempt
from environments.lifecycle.cancel import cancel
from environments.lifecycle.run import run_here
from environments.models import Activity, Environment, Operation

pytestmark = pytest.mark.django_db(transaction=True)
BY = Actor("Ines Duarte", "person")
ROWS = ("CREATE TABLE orders (id int, what text)", "INSERT INTO orders SELECT n, 'row' FROM generate_series(1, 100) n")


def make(environment: Environment, **asked: object) -> Backup:
    backup = request_create(environment, by=BY, is_rung=False, **asked)  # type: ignore[arg-type]
    run_here(backup.operation)
    return Backup.objects.select_related("operation").get(pk=backup.pk)


def stored(folder: str = "") -> list[str]:
    """Every object in the vault but its marker, unfinished ones too."""
    root = Path(settings.VAULT_LOCATION)
    found = (str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    return sorted(name for name in found if name != names.MARKER and name.startswith(folder))


def write(environment: Environment, name: str, content: bytes) -> Path:
    path = Path(environment.files_directory) / name
    path.write_bytes(content)
    return path


@pytest.fixture
def place(make_place: Callable[..., Environment]) -> Environment:
    environment = make_place(*ROWS)
    write(environment, "one.txt", b"one " * 1000)
    write(environment, "two.bin", os.urandom(5000))
    return environment


def test_a_backup_says_what_it_holds(place: Environment) -> None:
    backup = make(place, comment="  before the rollout ")

    assert backup.status == Status.COMPLETED
    assert (backup.files_count, backup.files_bytes, backup.tables_count) == (2, 9000, 1)
    assert backup.comment == "before the rollout"
    assert backup.model_version == place.package.model_version  # type: ignore[union-attr]
    assert backup.condition == "unverified"
    assert backup.server_version.startswith("17.")
    assert backup.created_at <= backup.data_at  # type: ignore[operator]
    assert "2 files 0.01 MB" in backup.operation.message
    actions = set(Activity.objects.filter(subject=backup.pk).values_list("action", flat=True))
    assert actions >= {"create.requested", "create.completed"}


def test_the_rule_is_that_of_the_day_it_was_asked_for(place: Environment) -> None:
    asked = datetime(2026, 11, 1, 23, 59, tzinfo=UTC)  # a first Sunday

    backup = make(place, at=asked)

    assert (backup.kept_by, backup.expires_at) == (Rule.FIRST_SUNDAY, datetime(2027, 11, 1, 23, 59, tzinfo=UTC))


def test_the_vault_alone_tells_whose_backup_it_is(place: Environment) -> None:
    backup = make(place, comment="for the vault")

    header = ManifestReader(open_vault(), names.manifest(place.pk, backup.pk, 1)).header
    assert header["comment"] == "for the vault"
    assert (header["app"], header["environment"], header["backup"]) == (place.app.slug, place.slug, str(backup.pk))


def test_what_has_not_changed_is_not_stored_again(place: Environment) -> None:
    make(place)
    packs = stored(names.packs_folder(place.pk))

    second = make(place)

    assert second.is_completed
    assert stored(names.packs_folder(place.pk)) == packs


def test_a_second_request_is_refused_with_what_is_in_the_way(place: Environment) -> None:
    first = request_create(place, by=BY, is_rung=False)

    with pytest.raises(EnvironmentBusy) as refusal:
        request_create(place, by=Actor("Tomasz Wieczorek", "person"))

    assert "A backup waits for a worker in this environment" in str(refusal.value)
    assert "Ines Duarte" in str(refusal.value)
    assert f"{first.created_at:%Y-%m-%d %H:%M} UTC" in str(refusal.value)
    assert Backup.objects.count() == 1


def test_two_requests_at_once_make_one_backup(place: Environment) -> None:
    outcomes: list[str] = []
    gate = threading.Barrier(4)

    def ask() -> None:
        gate.wait()
        try:
            request_create(place, by=BY, is_rung=False)
            outcomes.append("made")
        except EnvironmentBusy:
            outcomes.append("refused")
        finally:
            module.transaction.get_connection().close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["made", "refused", "refused", "refused"]


def assert_failed_without_a_trace(backup: Backup, *words: str) -> None:
    assert backup.operation.status == Status.FAILED
    assert backup.stored_attempt is None
    assert stored() == []
    for word in words:
        assert word in backup.operation.message
    assert "Traceback" not in backup.operation.message


def test_a_wrong_database_name_is_said_before_anything_is_stored(place: Environment) -> None:
    place.database_address = replace(place.database_address, name="no_such_database")
    place.save()

    assert_failed_without_a_trace(make(place), "no_such_database")


def test_a_missing_files_directory_is_said(place: Environment) -> None:
    Path(place.files_directory).rename(f"{place.files_directory}-moved")

    assert_failed_without_a_trace(make(place), place.files_directory)


def test_a_vault_that_was_unmounted_is_refused(place: Environment) -> None:
    make(place)
    Path(settings.VAULT_LOCATION).rename(f"{settings.VAULT_LOCATION}-unmounted")
    try:
        backup = make(place)
        assert not backup.is_completed
        assert "vault" in backup.operation.message.lower()
        assert not Path(settings.VAULT_LOCATION).exists()
    finally:
        Path(f"{settings.VAULT_LOCATION}-unmounted").rename(settings.VAULT_LOCATION)
    assert make(place).is_completed


def test_an_empty_mount_point_in_the_vaults_place_is_refused(place: Environment) -> None:
    make(place)
    vault = Path(settings.VAULT_LOCATION)
    vault.rename(f"{vault}-unmounted")
    vault.mkdir()
    try:
        assert_failed_without_a_trace(make(place), "vault")
    finally:
        vault.rmdir()
        Path(f"{vault}-unmounted").rename(vault)


@pytest.mark.parametrize("full_after", [0, 500, 3000, 6000, 7000])
def test_a_full_disk_leaves_nothing_and_the_next_one_succeeds(
    place: Environment, monkeypatch: pytest.MonkeyPatch, full_after: int
) -> None:
    with disk_full_after(full_after, monkeypatch):
        backup = make(place)

    assert_failed_without_a_trace(backup, "No space left")
    assert make(place).is_completed


@contextmanager
def disk_full_after(size: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The vault's disk takes so many bytes more."""
    left = [size]
    real = os.write

    def write_some(descriptor: int, block: bytes) -> int:
        if f"{settings.VAULT_LOCATION}/environments" not in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            return real(descriptor, block)
        if not left[0]:
            raise OSError(28, "No space left on device")
        written = real(descriptor, bytes(block)[: left[0]])
        left[0] -= written
        return written

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write_some)
        yield


def test_what_reads_back_differently_is_never_completed(place: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    real = DirectoryVault.stream

    def flipped(self: DirectoryVault, name: str, *where: object, **how: object) -> Iterator[bytes]:
        for block in real(self, name, *where, **how):  # type: ignore[arg-type]
            yield bytes([block[0] ^ 1]) + block[1:] if "packs" in name else block

    monkeypatch.setattr(DirectoryVault, "stream", flipped)

    assert_failed_without_a_trace(make(place), "read back")


def test_a_backend_ended_while_dumping_fails_the_backup(
    make_place: Callable[..., Environment], postgres: object
) -> None:
    environment = make_place(
        "CREATE TABLE wide AS SELECT n, repeat(md5(n::text), 60) AS t FROM generate_series(1, 60000) n"
    )
    backup = request_create(environment, by=BY, is_rung=False)
    ended = threading.Thread(target=end_backend_of, args=(environment,))
    ended.start()
    run_here(backup.operation)
    ended.join()

    assert_failed_without_a_trace(Backup.objects.select_related("operation").get(pk=backup.pk))


def end_backend_of(environment: Environment) -> None:
    """End the dump's session as soon as it copies."""
    address = environment.database_address
    conninfo = psycopg.conninfo.make_conninfo(
        host=address.host, port=address.port, dbname="postgres", user=address.user, password=address.password
    )
    query = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name LIKE 'op-%' AND query LIKE 'COPY%'"""
    deadline = time.monotonic() + 60
    with psycopg.connect(conninfo, autocommit=True) as admin:
        while time.monotonic() < deadline and not admin.execute(query).fetchall():
            pass


def test_cancelling_a_running_backup_leaves_nothing(place: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = request_create(place, by=BY, is_rung=False)
    real = Attempt.check_owned

    def cancelled_first(attempt: Attempt) -> None:
        cancel(Operation.objects.get(pk=attempt.operation.pk), by=Actor("Maren Holt", "person"))
        real(attempt)

    monkeypatch.setattr(Attempt, "check_owned", cancelled_first)
    run_here(backup.operation)

    backup = Backup.objects.select_related("operation").get(pk=backup.pk)
    assert backup.operation.failure == Failure.CANCELLED
    assert_failed_without_a_trace(backup, "Cancelled by Maren Holt")


def test_a_failed_backup_is_no_base_for_the_next(place: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise Failed("A failpoint.")

    with monkeypatch.context() as patch:
        patch.setattr(making.Making, "_publish", fail)
        assert_failed_without_a_trace(make(place), "A failpoint.")

    assert make(place).is_completed
    assert len(stored(names.packs_folder(place.pk))) == 1
