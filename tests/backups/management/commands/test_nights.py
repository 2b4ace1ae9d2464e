"""nightly_backups, prune_backups, verify_backup, pin_backup and unpin_backup: lines, JSON, refusals, wrong usage."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backups.models import Backup
from backups.operations.mark import mark_vault
from backups.storage.vault import open_vault
from environments import clock
from environments.models import Environment
from tests.backups.operations.nights import regions, since
from tests.backups.operations.shelves import Shelf
from tests.factories import BackupFactory

pytestmark = pytest.mark.django_db
SLOT = datetime(2026, 11, 25, 19, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def said(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def said_json(command: str, *arguments: str) -> Any:
    return json.loads(said(command, *arguments, "--json"))


@pytest.fixture
def shelf(environment: Environment, tmp_path: Path) -> Shelf:
    """A backup that has expired, and one of last night."""
    mark_vault(open_vault())
    shelf = Shelf(open_vault(), environment, tmp_path / "files")
    shelf.write(one=b"1" * 500)
    with clock.turned_to(SLOT):
        shelf.make(SLOT - 22 * DAY)
        shelf.write(one=b"2" * 500)
        shelf.make(SLOT - DAY)
    return shelf


# nightly_backups


def test_each_nightly_that_is_queued_is_a_line(environment: Environment) -> None:
    regions()
    since(environment)

    line = said("nightly_backups", "--now", "2026-11-25T19:00:00Z")

    [backup] = Backup.objects.all()
    assert (
        line == f"{backup.pk} order-desk/live Queued for 2026-11-25 19:00 UTC (late, for 329 nights since 2026-01-01)\n"
    )
    assert said("nightly_backups", "--now", "2026-11-25T19:01:00Z") == ""


def test_queued_nightlies_as_json_are_an_array_of_backups(environment: Environment) -> None:
    regions()
    since(environment, SLOT)

    [shown] = said_json("nightly_backups", "--now", "2026-11-25T20:00+01:00")

    assert (shown["environment"], shown["created_by"], shown["status"]) == ("order-desk/live", "Nightly", "Queued")
    assert said_json("nightly_backups", "--now", "2026-11-25T19:01:00Z") == []


@pytest.mark.parametrize("command", ["nightly_backups", "prune_backups"])
def test_what_is_no_moment_is_wrong_usage(command: str) -> None:
    with pytest.raises(CommandError, match="'yesterday' is not a moment"):
        call_command(command, "--now", "yesterday")


# prune_backups


def test_a_dry_run_says_what_would_go_and_why_and_removes_nothing(shelf: Shelf) -> None:
    old = Backup.objects.newest_first().last()
    assert old

    out = said("prune_backups", "--dry-run", "--now", "2026-11-25T19:00Z")

    assert out.splitlines() == [
        f"order-desk/live\t{old.pk}\t2026-11-03 19:00 UTC\tremoved: expired 2026-11-17",
        "order-desk/live\t1 removed, 0.00 MB would come back",
    ]
    assert Backup.objects.count() == 2


def test_the_bytes_of_a_dry_run_are_those_that_come_back(shelf: Shelf) -> None:
    [would] = said_json("prune_backups", "--dry-run", "--now", "2026-11-25T19:00Z")
    before = vault_bytes()

    for days in range(3):
        with clock.turned_to(SLOT + timedelta(days=days, minutes=days)):
            call_command("prune_backups", stdout=StringIO())

    assert before - vault_bytes() == would["bytes"] > 500 / 100
    assert [line["outcome"] for line in would["backups"]] == ["removed"]


def vault_bytes() -> int:
    root = Path(open_vault().location)  # type: ignore[attr-defined]
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def test_what_was_removed_is_said(shelf: Shelf) -> None:
    with clock.turned_to(SLOT):
        lines = said("prune_backups").splitlines()

    assert len(lines) == 2
    assert "\tremoved: expired 2026-11-17" in lines[0]
    assert Backup.objects.count() == 1


def test_when_nothing_has_expired_a_dry_run_says_so(shelf: Shelf) -> None:
    with clock.turned_to(SLOT - 5 * DAY):
        Backup.objects.update(expires_at=SLOT)
        assert said("prune_backups", "--dry-run") == "Nothing has expired; nothing would be removed.\n"
        assert said_json("prune_backups", "--dry-run") == []


def test_what_is_held_back_ends_with_a_sentence_and_force_passes_it(shelf: Shelf) -> None:
    with clock.turned_to(SLOT + 10 * DAY):
        shelf.make(SLOT - 23 * DAY)
        with pytest.raises(CommandError, match="order-desk/live: Nothing is pruned here: nightly backups are on and"):
            call_command("prune_backups", stdout=StringIO())
        assert Backup.objects.count() == 3

        [report] = said_json("prune_backups", "--force")

    assert Backup.objects.count() == 1
    assert {line["cause"] for line in report["backups"]} == {"forced"}
    assert report["problem"] is None


# verify_backup


def test_a_backup_without_a_readable_dump_is_not_good(shelf: Shelf) -> None:
    """Its dump is not one; its bytes are as they were saved, so nothing is said about it."""
    with pytest.raises(CommandError):
        call_command("verify_backup", "order-desk/live/latest", stdout=StringIO())

    assert set(Backup.objects.values_list("condition", flat=True)) == {"unverified"}


def test_a_damaged_one_ends_with_a_sentence(shelf: Shelf) -> None:
    newest = Backup.objects.newest_first()[0]
    manifest = next(Path(open_vault().location).rglob(f"{newest.pk}.1/manifest.zst"))  # type: ignore[attr-defined]
    manifest.write_bytes(manifest.read_bytes()[:-1])

    with pytest.raises(CommandError, match="is damaged and is no longer offered"):
        call_command("verify_backup", str(newest.pk), stdout=StringIO())

    newest.refresh_from_db()
    assert newest.condition == "damaged"


# pin_backup, unpin_backup


def test_pinned_until_the_end_of_a_day(environment: Environment) -> None:
    backup = BackupFactory(environment=environment)

    line = said("pin_backup", str(backup.pk), "--reason", "The auditors ask for it", "--until", "2040-03-01")

    assert line == f"{backup.pk} pinned until 2040-03-01 23:59 UTC: The auditors ask for it\n"
    assert said_json("unpin_backup", str(backup.pk))["pinned"] is False


def test_pinned_for_good(environment: Environment) -> None:
    backup = BackupFactory(environment=environment)

    shown = said_json("pin_backup", "order-desk/live/latest", "--reason", "For good")

    assert (shown["id"], shown["pinned"]) == (str(backup.pk), True)


def test_refusals_are_sentences(environment: Environment) -> None:
    backup = BackupFactory(environment=environment)

    with pytest.raises(CommandError, match="is over already"):
        call_command("pin_backup", str(backup.pk), "--reason", "x", "--until", "2020-03-01")
    with pytest.raises(CommandError, match="This backup is not pinned"):
        call_command("unpin_backup", str(backup.pk))
    with pytest.raises(CommandError, match="'soon' is not a moment"):
        call_command("pin_backup", str(backup.pk), "--reason", "x", "--until", "soon")
