"""Verify: every stored byte, wherever it lies; what is damaged or missing is marked, and offered no more."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from django.conf import settings

from backups.choices import Condition
from backups.errors import BackupLeaving, BackupNotCompleted
from backups.models import Backup
from backups.operations.create import request_create
from backups.operations.verify import request_due_verifications, request_verify
from backups.storage import names
from environments import clock
from environments.actors import PORTAL, Actor
from environments.choices import Failure, Status
from environments.lifecycle.cancel import cancel
from environments.lifecycle.run import run_here
from environments.models import Activity, Environment, Operation
from tests.factories import BackupFactory, OperationFactory

pytestmark = pytest.mark.django_db(transaction=True)
INES = Actor("Ines Duarte", "person")
ROWS = "CREATE TABLE orders AS SELECT n, md5(n::text) AS what FROM generate_series(1, 300) n"
FLIPS = 100


@pytest.fixture
def backup(make_place: Callable[..., Environment]) -> Backup:
    """Small and large files, compressible and not, one in several frames, one twice, an empty one."""
    place = make_place(ROWS)
    root = Path(place.files_directory)
    (root / "letters.txt").write_bytes(b"many words " * 9000)
    (root / "noise.bin").write_bytes(os.urandom(70_000))
    (root / "folder").mkdir()
    (root / "folder" / "empty").touch()
    for name in ("one", "other"):
        (root / "folder" / name).write_bytes(b"the same in both")
    (root / "large.bin").write_bytes(os.urandom(3000) * 3000)
    return made(place)


def made(place: Environment) -> Backup:
    run_here(request_create(place, by=INES, is_rung=False).operation)
    return Backup.objects.newest_first()[0]


def verify(backup: Backup) -> Operation:
    return run_here(request_verify(backup, by=INES, is_rung=False))


def condition(backup: Backup) -> str:
    backup.refresh_from_db()
    return backup.condition


def stored_files() -> list[Path]:
    found = [path for path in Path(settings.VAULT_LOCATION).rglob("*") if path.is_file()]
    return sorted(path for path in found if path.name != names.MARKER and not names.notes_number(path.name))


def test_what_is_whole_is_good_and_says_since_when(backup: Backup) -> None:
    done = verify(backup)

    assert done.status == Status.COMPLETED, done.message
    assert condition(backup) == Condition.GOOD
    assert backup.verified_at is not None and clock.now() - backup.verified_at < timedelta(minutes=1)
    assert set(Activity.objects.filter(operation=done.pk).values_list("action", flat=True)) == {
        "verify.requested",
        "backup.verified",
    }


def test_a_flipped_bit_at_a_hundred_places_is_found_a_hundred_times(backup: Backup) -> None:
    random, found = Random(7), 0
    for number in range(FLIPS):
        path = stored_files()[number % len(stored_files())]
        place, bit = random.randrange(path.stat().st_size), 1 << random.randrange(8)
        flip(path, place, bit)
        done = verify(backup)
        found += (done.status, condition(backup)) == (Status.FAILED, Condition.DAMAGED)
        flip(path, place, bit)

    assert found == FLIPS
    assert verify(backup).status == Status.COMPLETED
    assert condition(backup) == Condition.GOOD


def flip(path: Path, place: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        [byte] = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ bit]))


@pytest.mark.parametrize("change", ["cut", "longer"])
def test_another_length_is_found_in_every_object(backup: Backup, change: str) -> None:
    for path in stored_files():
        content = path.read_bytes()
        path.write_bytes(content[:-1] if change == "cut" else content + b"\0")
        assert verify(backup).status == Status.FAILED
        assert condition(backup) == Condition.DAMAGED
        path.write_bytes(content)


def test_what_is_gone_is_missing(backup: Backup) -> None:
    for path in stored_files():
        content = path.read_bytes()
        path.unlink()
        done = verify(backup)
        assert condition(backup) == Condition.MISSING
        assert "is missing and is no longer offered" in done.message
        path.write_bytes(content)


def test_a_broken_one_is_offered_no_more_and_counts_no_more_as_the_newest_good_one(backup: Backup) -> None:
    newer = made(backup.environment)
    stored_files()  # what both share is whole
    manifest = Path(settings.VAULT_LOCATION) / names.manifest(newer.environment_id, newer.pk, 1)
    flip(manifest, 40, 1)

    done = verify(newer)

    assert (done.status, done.failure) == (Status.FAILED, Failure.ERROR)
    assert done.message.startswith(f"The backup of {newer.created_at:%Y-%m-%d %H:%M} UTC is damaged and is no longer")
    assert Backup.objects.usable().newest_first().first() == backup
    assert Activity.objects.filter(action="verify.failed", subject=newer.pk).exists()


@pytest.mark.parametrize("what", ["gone", "empty"])
def test_a_vault_that_is_not_mounted_says_nothing_about_its_backups(backup: Backup, what: str) -> None:
    vault = Path(settings.VAULT_LOCATION)
    vault.rename(f"{vault}-unmounted")
    if what == "empty":
        vault.mkdir()
    try:
        assert verify(backup).status == Status.FAILED
        assert condition(backup) == Condition.UNVERIFIED
    finally:
        if what == "empty":
            vault.rmdir()
        Path(f"{vault}-unmounted").rename(vault)


def test_a_program_that_cannot_read_the_dump_says_nothing_about_it(
    backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("backups.engines.tools.Tools.path", lambda self, program: "/bin/false")
        done = verify(backup)

    assert done.status == Status.FAILED
    assert condition(backup) == Condition.UNVERIFIED


def test_it_can_be_cancelled_and_has_found_nothing_then(backup: Backup, monkeypatch: pytest.MonkeyPatch) -> None:
    operation = request_verify(backup, by=INES, is_rung=False)

    def cancelled(*_: object) -> None:
        cancel(operation, by=INES)

    monkeypatch.setattr("backups.operations.verify.check_files", cancelled)
    done = run_here(operation)

    assert done.failure == Failure.CANCELLED
    assert condition(backup) == Condition.UNVERIFIED


def test_it_excludes_nothing(backup: Backup) -> None:
    OperationFactory(environment=backup.environment, running=True)

    assert verify(backup).status == Status.COMPLETED


def test_what_is_removed_meanwhile_is_not_marked(backup: Backup) -> None:
    operation = request_verify(backup, by=INES, is_rung=False)
    Backup.objects.filter(pk=backup.pk).update(removal_at=clock.now())

    assert run_here(operation).message == "The backup is gone; there was nothing to verify."
    with pytest.raises(BackupLeaving):
        request_verify(Backup.objects.get(pk=backup.pk), by=INES)


def test_one_that_is_not_completed_is_refused(environment: Environment) -> None:
    with pytest.raises(BackupNotCompleted):
        request_verify(BackupFactory(environment=environment, failed=True), by=INES)


# When


NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def due(now: datetime = NOW) -> set[object]:
    return {operation.subject for page in request_due_verifications(now) for operation in page}


def test_new_ones_are_verified_within_the_hour_and_old_ones_within_thirty_days(environment: Environment) -> None:
    def made_and_verified(days_ago: int | None, **more: object) -> Backup:
        verified_at = None if days_ago is None else NOW - timedelta(days=days_ago)
        return BackupFactory(environment=environment, verified_at=verified_at, created_at=NOW, **more)

    new, old = made_and_verified(None), made_and_verified(29, condition=Condition.GOOD)
    made_and_verified(28, condition=Condition.GOOD)
    made_and_verified(40, condition=Condition.DAMAGED)
    made_and_verified(None, removal_at=NOW)
    BackupFactory(environment=environment, failed=True)
    BackupFactory(environment=environment, running=True)

    assert due() == {new.pk, old.pk}
    assert due() == set()
    operation = Operation.objects.get(subject=new.pk, kind="verify")
    assert (operation.by.name, operation.is_exclusive) == (PORTAL.name, False)


def test_they_are_spread_so_that_nobody_waits_behind_all_of_them(environment: Environment) -> None:
    BackupFactory.create_batch(3, environment=environment)
    due()

    begins = Operation.objects.filter(kind="verify").order_by("not_before_at").values_list("not_before_at", flat=True)
    assert list(begins) == [NOW + timedelta(seconds=5 * place) for place in range(3)]


def test_one_that_ended_without_a_finding_is_tried_again_in_the_next_hour(environment: Environment) -> None:
    backup = BackupFactory(environment=environment)
    assert due() == {backup.pk}
    Operation.objects.filter(kind="verify").update(status=Status.FAILED)

    assert due() == set()
    assert due(NOW + timedelta(hours=1)) == {backup.pk}
