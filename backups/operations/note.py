"""Note: write into the vault what the portal learnt of a backup since, so that the vault alone can tell it again."""

import logging
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction

from environments import clock

from ..errors import Failed, StoredAlready
from ..models import Backup, Installation
from ..storage import names
from ..storage.notes import within, write_notes
from ..storage.vault import Vault, open_vault
from .mark import check_vault

PAGE = 100
PATIENT_FOR_SECONDS = 2
FACTS = (
    *("created_by", "created_at", "slot_at", "data_at", "expires_at", "kept_by", "comment"),
    *("model_version", "modeler_version", "manifest_bytes", "manifest_sha256", "database_bytes", "dump_sha256"),
    *("tables_count", "files_bytes", "files_count", "left_out_count", "changed_count", "stored_bytes"),
    *("client_version", "server_version", "duration_seconds"),
    *("condition", "verified_at", "pinned_at", "pinned_until", "pin_reason"),
)
OPERATION_FACTS = (
    *("id", "requested_by_name", "origin", "params", "message", "created_at", "started_at", "finished_at"),
    *("max_attempts",),
)

logger = logging.getLogger(__name__)


def note_soon(backup: UUID) -> None:
    """Write the notes once the change is committed. A vault that is away holds up nobody: the clock tries again."""
    transaction.on_commit(partial(_note_in_time, backup), robust=True)


def note_made(vault: Vault, backup: UUID, message: str) -> None:
    """Write the first notes of a backup that is about to be Completed with this closing sentence.

    Raises: VaultUnreachable, StoredAlready.
    """
    row = Backup.objects.select_related("operation").get(pk=backup)
    row.operation.message, row.operation.finished_at = message, clock.now()
    write_notes(vault, _folder(row), row.notes_number, facts_of(row))
    _remember(row)


def note_rest() -> int:
    """Write the notes that could not be written yet; returns how many are left after it."""
    after = UUID(int=0)
    rows = Backup.objects.unnoted().select_related("operation").order_by("pk")
    vault, own = open_vault(), Installation.own()
    if own.marked_at is None:
        return 0
    try:
        check_vault(vault, own)
        while page := list(rows.filter(pk__gt=after)[:PAGE]):
            after = page[-1].pk
            for row in page:
                _note(vault, row)
    except Failed as error:
        logger.warning("Notes on backups could not be written into the vault: %s", error)
    return rows.count()


def facts_of(backup: Backup) -> dict[str, Any]:
    """What the vault is to know of a backup, as JSON takes it."""
    operation = {name: _plain(getattr(backup.operation, name)) for name in OPERATION_FACTS}
    return {name: _plain(getattr(backup, name)) for name in FACTS} | {"operation": operation}


def _note(vault: Vault, row: Backup) -> None:
    try:
        write_notes(vault, _folder(row), row.notes_number, facts_of(row))
    except StoredAlready as error:
        logger.warning("%s", error)
    else:
        _remember(row)


def _note_in_time(backup: UUID) -> None:
    row = Backup.objects.unnoted().select_related("operation").filter(pk=backup).first()
    own = Installation.own()
    if row is None or own.marked_at is None:
        return
    vault, facts = open_vault(), facts_of(row)

    def write() -> None:
        check_vault(vault, own)
        write_notes(vault, _folder(row), row.notes_number, facts)

    try:
        if within(PATIENT_FOR_SECONDS, write):
            _remember(row)
    except Failed as error:
        logger.warning("The notes on backup %s could not be written into the vault yet: %s", backup, error)


def _remember(row: Backup) -> None:
    """Unless something has changed meanwhile, which is noted by whoever changed it."""
    Backup.objects.filter(pk=row.pk, notes_number=row.notes_number).update(is_noted=True)


def _folder(row: Backup) -> str:
    assert row.stored_attempt is not None
    return names.backup_folder(row.environment_id, row.pk, row.stored_attempt)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
