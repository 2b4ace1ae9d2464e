"""Remove: one expired backup, by prune. What was decided a while ago is looked at once more, right before."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from environments import clock
from environments.actors import Actor
from environments.models import Environment, record

from ..choices import Condition
from ..models import Backup, Installation
from ..policy.retention import Verdict
from ..storage import names
from ..storage.notes import forget_notes
from ..storage.sweep import sweep
from ..storage.vault import Vault
from .mark import mark_vault
from .shelf import still_goes


def remove_expired(
    vault: Vault, environment: Environment, verdict: Verdict, *, now: datetime, by: Actor, operation: UUID | None
) -> int | None:
    """Remove a backup as it was planned: manifest, dump, row. Packs are for `collect`.

    Returns the bytes that came back at once; None when it is kept after all, because something changed since.

    Raises: VaultUnreachable: it is no longer offered, and the next prune goes on with it.
    """
    backup = _let_go(environment, verdict, now)
    if backup is None:
        return None
    size = remove_stored(vault, backup)
    with transaction.atomic():
        removed, _ = Backup.objects.filter(pk=backup.pk).delete()
        if removed:
            record(
                environment,
                "backup.removed",
                f"The backup of {backup.created_at:%Y-%m-%d %H:%M} UTC was removed: {verdict.reason}.",
                by=by,
                subject=backup.pk,
                operation=operation,
                bytes=size,
            )
    return size


def _let_go(environment: Environment, verdict: Verdict, now: datetime) -> Backup | None:
    """From here on it is offered for nothing. The rows are locked, so nobody can begin to use or pin it meanwhile."""
    with transaction.atomic():
        Environment.objects.select_for_update(of=("self",)).get(pk=environment.pk)
        rows = Backup.objects.select_for_update(of=("self",)).select_related("operation", "environment__app")
        backup = rows.filter(pk=verdict.backup.id).first()
        if backup is None or not still_goes(backup, now):
            return None
        Backup.objects.filter(pk=backup.pk, removal_at=None).update(removal_at=clock.now())
    return backup


def remove_stored(vault: Vault, backup: Backup) -> int:
    """Remove a backup's manifest and dump, or what a failed one may have left; returns their bytes.

    Raises: VaultUnreachable, VaultForeign.
    """
    if Installation.own().marked_at is None:
        return 0  # nothing was ever written
    mark_vault(vault)
    if backup.stored_attempt is None:
        for attempt in range(1, backup.operation.attempt + 1):
            sweep(vault, backup.environment_id, backup.pk, attempt)
        return 0
    place = (backup.environment_id, backup.pk, backup.stored_attempt)
    vault.delete(names.manifest(*place))
    # Without its manifest it can no longer be read; should the rest fail, the list says so.
    Backup.objects.filter(pk=backup.pk).update(condition=Condition.MISSING)
    vault.delete(names.dump(*place))
    forget_notes(vault, names.backup_folder(*place))
    return (backup.manifest_bytes or 0) + (backup.database_bytes or 0)
