"""Create: back up an environment's database and uploaded files while the app keeps running."""

import uuid
from contextlib import suppress
from datetime import datetime

from django.db import transaction

from environments import clock
from environments.actors import Actor
from environments.lifecycle.attempt import Attempt
from environments.lifecycle.kinds import Kind
from environments.lifecycle.submit import submit
from environments.models import Environment, Operation, record

from ..errors import VaultUnreachable
from ..models import Backup
from ..policy import retention
from ..storage.sweep import sweep
from ..storage.vault import open_vault
from .making import Making, package_of


def request_create(
    environment: Environment,
    *,
    by: Actor,
    comment: str = "",
    at: datetime | None = None,
    is_rung: bool = True,
) -> Backup:
    """Queue a backup. Its row is in the list at once.

    `at` is the moment it counts as asked for (default: now); the day of that moment decides how long it is kept.

    Raises:
        EnvironmentBusy: another operation that excludes this one is Queued or Running.
    """
    moment = at or clock.now()
    rule = retention.rule_for(moment.date())
    with transaction.atomic():
        backup_id = uuid.uuid4()
        operation = submit("create", environment=environment, by=by, subject=backup_id, at=moment, is_rung=is_rung)
        backup = Backup.objects.create(
            id=backup_id,
            environment=environment,
            operation=operation,
            created_by=by.name,
            created_at=moment,
            kept_by=rule,
            expires_at=retention.expires_at(moment, rule),
            comment=comment.strip(),
            **package_of(environment),
        )
        record(
            environment,
            "create.requested",
            f"{by.name} asked for a backup of {environment.name}.",
            by=by,
            subject=backup.pk,
            operation=operation.pk,
            comment=backup.comment,
        )
    return backup


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
        with suppress(VaultUnreachable):
            sweep_create(attempt.operation, attempt.number)
        raise


def sweep_create(operation: Operation, attempt: int) -> None:
    """Remove what a dead attempt stored. Nobody else can name it: only Completed backups are ever built upon."""
    assert operation.subject is not None
    sweep(open_vault(), operation.environment_id, operation.subject, attempt)


KIND = Kind("create", perform_create, is_exclusive=True, may_repeat=True, sweep=sweep_create, title="A backup")
