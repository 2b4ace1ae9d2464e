"""Where live data came from, in words, for every way in which it can have come."""

from datetime import timedelta

import pytest

from backups.choices import Contents
from backups.models import Backup
from backups.operations.lineage import brought_by, lineage_of
from environments import clock
from environments.models import Environment
from tests.factories import BackupFactory, OperationFactory
from tests.factories_exchange import GenerationFactory, RestoreFactory


@pytest.fixture
def backup(environment: Environment) -> Backup:
    return BackupFactory(environment=environment)


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (Contents.FULL, "the backup of Live from"),
        (Contents.DATABASE, "the database of the backup of Live from"),
        (Contents.FILES, "the uploaded files of the backup of Live from"),
    ],
)
def test_a_restore_brought_a_backup_or_a_part_of_it(
    backup: Backup, acceptance: Environment, contents: Contents, words: str
) -> None:
    restore = RestoreFactory(environment=acceptance, backup=backup, contents=contents)

    assert brought_by(restore.operation) == f"{words} {backup.created_at:%Y-%m-%d %H:%M} UTC"


def test_a_backup_that_was_deleted_since_has_no_date(acceptance: Environment) -> None:
    restore = RestoreFactory(environment=acceptance, backup=None)

    assert brought_by(restore.operation) == "a backup that is no longer in the list"


def test_uploads_and_undos_brought_what_they_brought(acceptance: Environment) -> None:
    left = GenerationFactory(environment=acceptance)
    upload = OperationFactory(environment=acceptance, kind="upload")
    undo = OperationFactory(environment=acceptance, kind="undo", params={"generation": left.pk})
    lost = OperationFactory(environment=acceptance, kind="undo", params={"generation": 0})

    assert brought_by(upload) == "uploaded data"
    assert brought_by(undo) == f"again what it held until {left.left_at:%Y-%m-%d %H:%M} UTC"
    assert brought_by(lost) == "again what it held before"


def test_what_left_last_is_told_with_what_had_brought_it(backup: Backup, acceptance: Environment) -> None:
    assert lineage_of(acceptance) is None
    restore = RestoreFactory(environment=acceptance, backup=backup)
    first = GenerationFactory(environment=acceptance, operation=restore.operation)
    found = lineage_of(acceptance)
    assert found is not None
    assert (found.holds, found.deed) == (brought_by(restore.operation), "restored")
    assert (found.before, found.before_since) == ("", None)  # its own, from the beginning

    upload = OperationFactory(environment=acceptance, kind="upload")
    GenerationFactory(environment=acceptance, operation=upload, left_at=first.left_at + timedelta(minutes=5))
    found = lineage_of(acceptance)
    assert found is not None
    assert (found.holds, found.deed) == ("uploaded data", "uploaded")
    assert (found.before, found.before_since) == (brought_by(restore.operation), first.left_at)


def test_what_can_no_longer_come_back_has_no_notice(acceptance: Environment) -> None:
    GenerationFactory(environment=acceptance, undo_until=clock.now())

    assert lineage_of(acceptance) is None
