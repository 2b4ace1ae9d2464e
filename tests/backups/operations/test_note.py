"""What the portal learns of a backup stands in the vault as well; a vault that is away makes nothing impossible."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings

from backups.choices import Condition
from backups.models import Backup
from backups.operations.comment import change_comment
from backups.operations.delete import request_delete
from backups.operations.note import note_rest
from backups.operations.pin import pin, unpin
from backups.operations.verify import request_verify
from backups.storage import names
from backups.storage.notes import newest_notes, read_notes
from backups.storage.vault import open_vault
from environments import clock
from environments.choices import Status
from environments.lifecycle.run import run_here
from environments.models import Environment
from tests.backups.operations.pruned import DAY, prune
from tests.backups.operations.test_restore import BY, ROWS, back_up, fill

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def backup(make_place: Callable[..., Environment]) -> Backup:
    place = make_place(*ROWS)
    fill(place, "old")
    return back_up(place)


def folder_of(backup: Backup) -> str:
    return names.backup_folder(backup.environment_id, backup.pk, backup.stored_attempt or 0)


def noted(backup: Backup) -> dict[str, object]:
    vault = open_vault()
    return read_notes(vault, folder_of(backup), newest_notes(vault.listdir(folder_of(backup))[1]))


def test_a_completed_backup_has_notes_from_the_first(backup: Backup) -> None:
    told = noted(backup)

    assert backup.is_noted
    assert told["manifest_sha256"] == backup.manifest_sha256
    assert told["duration_seconds"] == backup.duration_seconds
    assert told["operation"]["message"] == backup.operation.message != ""  # type: ignore[index]
    assert told["operation"]["id"] == str(backup.operation_id)  # type: ignore[index]


def test_comment_pin_and_condition_are_noted_as_they_change(backup: Backup) -> None:
    change_comment(backup, by=BY, comment="before the merger")
    assert noted(backup)["comment"] == "before the merger"
    pin(backup, by=BY, reason="audit")
    assert noted(backup)["pin_reason"] == "audit"
    unpin(backup, by=BY)
    assert (noted(backup)["pin_reason"], noted(backup)["pinned_at"]) == ("", None)
    run_here(request_verify(backup, by=BY, is_rung=False))

    backup.refresh_from_db()
    told = noted(backup)
    assert backup.is_noted
    assert (told["condition"], told["comment"]) == (Condition.GOOD, "before the merger")
    assert backup.verified_at and told["verified_at"] == backup.verified_at.isoformat()
    assert len(list(Path(settings.VAULT_LOCATION, folder_of(backup)).iterdir())) == 3


def test_a_vault_that_is_away_hinders_no_comment_and_is_told_later(backup: Backup) -> None:
    vault, away = Path(settings.VAULT_LOCATION), Path(f"{settings.VAULT_LOCATION}-away")
    vault.rename(away)
    try:
        change_comment(backup, by=BY, comment="said meanwhile")
        backup.refresh_from_db()
        assert (backup.comment, backup.is_noted) == ("said meanwhile", False)
        assert note_rest() == 1
    finally:
        away.rename(vault)

    assert note_rest() == 0
    backup.refresh_from_db()
    assert backup.is_noted
    assert noted(backup)["comment"] == "said meanwhile"


def test_what_was_made_before_there_were_notes_gets_them(backup: Backup) -> None:
    [notes] = Path(settings.VAULT_LOCATION, folder_of(backup)).glob("notes.*")
    notes.unlink()
    Backup.objects.update(notes_number=1, is_noted=False)  # as the migration does

    assert note_rest() == 0
    assert noted(backup)["dump_sha256"] == backup.dump_sha256


def test_notes_on_what_is_gone_are_no_unknown_backup(backup: Backup) -> None:
    """Whoever was slow wrote them after its manifest and dump had gone, and no row tells of it."""
    folder = names.backup_folder(backup.environment_id, uuid4(), 1)
    Path(settings.VAULT_LOCATION, folder).mkdir()
    Path(settings.VAULT_LOCATION, names.notes(folder, 3)).write_text("{}")

    now = prune(backup.environment, at=clock.now())
    later = prune(backup.environment, at=clock.now() + 1.1 * DAY)

    assert (now.status, later.status) == (Status.COMPLETED, Status.COMPLETED)
    assert "does not know" not in now.message
    assert open_vault().listdir(folder) == ([], [])


def test_notes_go_with_the_backup(backup: Backup) -> None:
    newer = back_up(backup.environment)

    done = run_here(request_delete(backup, by=BY, confirm=None, is_rung=False))

    assert done.status == Status.COMPLETED
    assert open_vault().listdir(names.backups_folder(backup.environment_id))[0] == [f"{newer.pk}.1"]
