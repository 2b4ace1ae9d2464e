"""Delete: let go of a backup before it expires. Its space comes back when its packs are pruned."""

from django.db import transaction

from environments import clock
from environments.actors import Actor
from environments.choices import ACTIVE
from environments.lifecycle.attempt import Attempt
from environments.lifecycle.kinds import Kind
from environments.lifecycle.submit import submit
from environments.models import Environment, Operation, record

from ..errors import BackupBeingRestored, BackupLeaving, BackupNotEnded, LastGoodBackup, NameNotTyped
from ..models import Backup
from ..storage.vault import open_vault
from .remove import remove_stored


def request_delete(backup: Backup, *, by: Actor, confirm: str | None, is_rung: bool = True) -> Operation:
    """Queue the removal; from now on the backup is offered for nothing else.

    `confirm` is the environment's name as the person typed it; only production asks for it.

    Raises:
        NameNotTyped, LastGoodBackup, BackupNotEnded, BackupLeaving, BackupBeingRestored: and nothing has changed.
    """
    check_name(backup.environment, confirm)
    with transaction.atomic():
        # The environment's row is locked, so that two deletes cannot each leave the other one's as the last.
        Environment.objects.select_for_update().get(pk=backup.environment_id)
        backup = Backup.objects.select_related("operation", "environment__app").get(pk=backup.pk)
        check_may_go(backup)
        operation = submit("delete", environment=backup.environment, by=by, subject=backup.pk, is_rung=is_rung)
        Backup.objects.filter(pk=backup.pk).update(removal_at=clock.now())
        record(
            backup.environment,
            "delete.requested",
            f"{by.name} asked to delete the backup of {backup.created_at:%Y-%m-%d %H:%M} UTC.",
            by=by,
            subject=backup.pk,
            operation=operation.pk,
        )
    return operation


def check_name(environment: Environment, confirm: str | None) -> None:
    """Production asks for the name. Both the name and the slug are accepted, so that scripts can say app/environment.

    Raises:
        NameNotTyped
    """
    if confirm is None and not environment.is_production:
        return
    if (confirm or "").strip() not in (environment.name, environment.slug, str(environment)):
        raise NameNotTyped(f"This is not the name of the environment. It is written “{environment.name}”.")


def is_last_good(backup: Backup) -> bool:
    """Whether it is the newest undamaged Completed backup of its environment.

    One that a wrong clock dated ahead of now is that only while there is no other.
    """
    newest = (
        Backup.objects.filter(environment=backup.environment_id).usable().newest_first().values_list("pk", flat=True)
    )
    return (newest.filter(created_at__lte=clock.now()).first() or newest.first()) == backup.pk


def check_may_go(backup: Backup) -> None:
    """Raises: BackupNotEnded, BackupLeaving, BackupBeingRestored, LastGoodBackup."""
    if not backup.operation.is_ended:
        raise BackupNotEnded
    is_asked_for = Operation.objects.filter(kind="delete", subject=backup.pk, status__in=ACTIVE).exists()
    if is_asked_for:
        raise BackupLeaving
    if Operation.objects.filter(kind="restore", subject=backup.pk, status__in=ACTIVE).exists():
        raise BackupBeingRestored
    if is_last_good(backup):
        raise LastGoodBackup


def perform_delete(attempt: Attempt) -> str:
    """Remove manifest and dump, then the row. Packs stay until no manifest names them and a day has passed."""
    operation = attempt.operation
    assert operation.subject is not None
    backup = Backup.objects.select_related("operation", "environment__app").filter(pk=operation.subject).first()
    if backup is None:
        return "The backup was already gone."
    attempt.beat("Removing the backup", step=1, steps=1)
    attempt.check_owned()
    remove_stored(open_vault(), backup)
    with transaction.atomic():
        backup.delete()
        record(
            backup.environment,
            "backup.deleted",
            f"The backup of {backup.created_at:%Y-%m-%d %H:%M} UTC was deleted.",
            by=operation.by,
            subject=operation.subject,
            operation=operation.pk,
        )
    return f"The backup of {backup.created_at:%Y-%m-%d %H:%M} UTC was deleted."


KIND = Kind("delete", perform_delete, is_exclusive=False, may_repeat=True, title="The deleting of a backup")
