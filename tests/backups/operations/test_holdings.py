"""What an environment has now: counted where that is quick, remembered from a backup where it is not."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from backups.operations import holdings
from backups.operations.holdings import Files, Holdings, count_files
from environments import clock
from environments.models import Environment
from tests.backups.storage.trip import files_in
from tests.factories import AppServiceFactory, BackupFactory


def test_database_files_and_services_are_as_they_are(make_place: Callable[..., Environment]) -> None:
    place = make_place("CREATE TABLE one (id int)", "CREATE TABLE two (id int)")
    root = Path(place.files_directory)
    (root / "folder").mkdir()
    (root / "folder" / "a").write_bytes(b"abc")
    (root / "b").write_bytes(b"de")
    (root / "link").symlink_to("b")
    service = AppServiceFactory(environment=place)
    AppServiceFactory(environment=place, is_published=False)

    found = Holdings(place)

    assert found.database
    assert found.database.tables_count == 2
    assert found.files == Files(2, 5)
    assert (found.package, found.services, found.backups_count) == (place.package, [service], 0)


def test_what_cannot_be_looked_at_is_as_the_newest_good_backup_knows_it(environment: Environment) -> None:
    nothing = Holdings(environment)
    now = clock.now()
    BackupFactory(environment=environment, created_at=now - timedelta(days=1), files_count=7, files_bytes=70)
    newest = BackupFactory(environment=environment, files_count=8, files_bytes=80)
    BackupFactory(environment=environment, created_at=now, damaged=True)

    assert (nothing.database, nothing.files) == (None, Files(8, 80, newest.data_at))
    assert nothing.backups_count == 2


def test_without_a_backup_nothing_is_known(environment: Environment) -> None:
    assert Holdings(environment).files is None


def test_counting_ends_when_its_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(200):
        (tmp_path / f"{number}").touch()
    moments = iter([0.0, 0.5, 2.0])
    monkeypatch.setattr(holdings.time, "monotonic", lambda: next(moments))

    assert count_files(files_in(tmp_path), within_seconds=1) is None
