"""Whoever reads a backup holds it, again and again, and is no longer in the way when it is dead."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import OperationalError, connection

from backups.errors import BackupLeaving
from backups.models import Backup, Hold
from backups.operations import hold as module
from backups.operations.download import open_archive
from backups.operations.hold import holding
from backups.operations.mark import mark_vault
from backups.storage.vault import open_vault
from environments import clock
from environments.models import Environment
from tests.backups.operations.shelves import Shelf
from tests.factories import BackupFactory

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def backup(environment: Environment) -> Backup:
    return BackupFactory(environment=environment)


def until() -> datetime:
    return Hold.objects.get().until.replace(microsecond=0)


def read_at(moment: datetime, pieces: Iterator[bytes]) -> bytes | None:
    with clock.turned_to(moment):
        return next(pieces, None)


def test_it_is_held_before_the_first_byte_for_five_minutes(backup: Backup) -> None:
    def seen() -> Iterator[bytes]:
        assert Hold.objects.exists()
        yield b"1"

    read_at(NOON, holding(backup.pk, seen()))

    assert until() == NOON + timedelta(minutes=5)


def test_it_is_held_again_while_it_is_read(backup: Backup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEW_EVERY_SECONDS", 0)
    pieces = holding(backup.pk, iter([b"1", b"2", b"3"]))

    for minutes in range(3):
        read_at(NOON + timedelta(minutes=minutes), pieces)

    assert until() == NOON + timedelta(minutes=7)


def test_it_is_not_asked_for_at_every_piece(
    backup: Backup, django_assert_max_num_queries: Callable[..., object]
) -> None:
    with django_assert_max_num_queries(12):
        assert len(list(holding(backup.pk, iter([b"1"] * 1000)))) == 1000


def test_several_readers_hold_it_as_long_as_the_last(backup: Backup) -> None:
    for minutes in (0, 2):
        read_at(NOON + timedelta(minutes=minutes), holding(backup.pk, iter([b"1"])))

    assert until() == NOON + timedelta(minutes=7)


@pytest.mark.parametrize("is_gone", [False, True])
def test_what_is_going_or_gone_is_not_read(backup: Backup, is_gone: bool) -> None:
    key = backup.pk
    if is_gone:
        backup.delete()
    else:
        Backup.objects.update(removal_at=NOON)

    with pytest.raises(BackupLeaving):
        next(holding(key, iter([b"1"])))


def test_a_portals_database_that_is_away_cuts_no_download(backup: Backup) -> None:
    def away(run: Callable[..., object], statement: str, *rest: object) -> object:
        raise OperationalError("the database is away")

    with connection.execute_wrapper(away):
        assert list(holding(backup.pk, iter([b"1", b"2"]))) == [b"1", b"2"]


def test_a_download_holds_what_it_reads(environment: Environment, tmp_path: Path) -> None:
    mark_vault(open_vault())
    shelf = Shelf(open_vault(), environment, tmp_path / "files")
    shelf.write(one=b"1" * 500)
    backup = Backup.objects.select_related("operation", "environment__app").get(pk=shelf.make().pk)

    pieces = open_archive(backup, "database", "zip").stream()

    assert next(pieces)
    assert Hold.objects.get().backup == backup
