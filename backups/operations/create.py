"""Create: back up an environment's database and uploaded files while the app keeps running."""

import uuid
from contextlib import suppress
from datetime import datetime

from django.db import transaction

from environments import clock
from environments.actors import Actor
from environments.choices import Origin
from environments.lifecycle.attempt import Attempt
from environments.lifecycle.kinds import Again, Kind
from environments.lifecycle.submit import submit
from environments.models import Activity, Environment, Operation, unwritten

from ..choices import Rule
from ..errors import VaultForeign, VaultUnreachable
from ..models import Backup, Installation
from ..policy import nightly, retention
from ..storage.sweep import sweep
from ..storage.vault import open_vault
from .making import Making, package_of
from .mark import check_vault
from .nights import key_of


def request_create(
    environment: Environment,
    *,
    by: Actor,
    comment: str = "",
    at: datetime | None = None,
    slot_at: datetime | None = None,
    is_rung: bool = True,
) -> Backup:
    """Queue a backup. Its row is in the list at once.

    `at` is the moment it counts as asked for (default: now); the day of that moment decides how long it is kept, or
    that of `slot_at`, the slot of a nightly. An environment has one backup a slot: asked for again, it is returned.

    Raises:
        EnvironmentBusy: another operation that excludes this one is Queued or Running.
    """
    moment = at or clock.now()
    rule = retention.rule_for(retention.day_of(moment, slot_at))
    key = key_of(environment, slot_at) if slot_at else None
    with transaction.atomic():
        subject = uuid.uuid4()
        operation = submit(
            "create", environment=environment, by=by, subject=subject, at=moment, unique_key=key, is_rung=is_rung
        )
        if operation.subject != subject:
            return Backup.objects.get(operation=operation)
        backup = backup_of(operation, environment, rule, comment=comment.strip(), slot_at=slot_at)
        backup.save(force_insert=True)
        requested(backup, by).save()
    return backup


def backup_of(
    operation: Operation, environment: Environment, rule: Rule, *, comment: str = "", slot_at: datetime | None = None
) -> Backup:
    """The row of a backup that this operation will make, not saved; `environment` comes with its package."""
    return Backup(
        id=operation.subject,
        environment=environment,
        operation=operation,
        created_by=operation.requested_by_name,
        created_at=operation.created_at,
        slot_at=slot_at,
        kept_by=rule,
        expires_at=retention.expires_at(operation.created_at, rule),
        comment=comment,
        **package_of(environment),
    )


def requested(backup: Backup, by: Actor, remark: str = "") -> Activity:
    """The line of history of its request, not written."""
    return unwritten(
        backup.environment,
        "create.requested",
        f"{by.name} asked for a backup of {backup.environment.name}{remark}.",
        by=by,
        subject=backup.pk,
        operation=backup.operation_id,
        comment=backup.comment,
    )


def try_again(operation: Operation) -> Again | None:
    """A failed nightly is tried twice more. Attempts that were only handed back were none of the tries."""
    if operation.origin != Origin.NIGHTLY:
        return None
    tries = operation.attempt - (operation.max_attempts - nightly.TRIES)
    now = clock.now()
    at = nightly.retry_at(now, tries)
    return Again(at, nightly.retry_in_words(at, tries)) if at else None


def perform_create(attempt: Attempt) -> str:
    """Make the backup of one attempt; returns the closing sentence.

    The order is the promise: packs and dump, then the manifest, then the row, and the row only after everything was
    read back. Whatever ends it early, what this attempt stored is removed at once.
    """
    rows = Backup.objects.select_related("environment__app", "environment__region", "environment__package")
    assert attempt.operation.subject is not None
    making = Making(attempt, rows.get(pk=attempt.operation.subject), open_vault())
    try:
        return making.make()
    except BaseException:
        # A vault that is away is no reason to hide what went wrong; what is left there is for prune.
        with suppress(VaultUnreachable, VaultForeign):
            sweep_create(attempt.operation, attempt.number)
        raise


def sweep_create(operation: Operation, attempt: int) -> None:
    """Remove what a dead attempt stored. Nobody else can name it: only Completed backups are ever built upon."""
    assert operation.subject is not None
    own, vault = Installation.own(), open_vault()
    if own.marked_at is None:
        return  # nothing was ever written, and the vault may not be there yet
    check_vault(vault, own)
    sweep(vault, operation.environment_id, operation.subject, attempt)


KIND = Kind(
    "create",
    perform_create,
    is_exclusive=True,
    may_repeat=True,
    is_heavy=True,
    sweep=sweep_create,
    after_failure=try_again,
    title="A backup",
)
