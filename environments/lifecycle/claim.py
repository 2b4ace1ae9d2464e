"""Claim, finish, hand back: every change of status is a conditional UPDATE, and its row count is believed."""

import logging
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from .. import clock
from ..choices import Failure, Status
from ..models import Operation, record
from .kinds import Again, is_known, kind_of
from .periods import FINISH_WITHIN_SECONDS, LEASE_SECONDS, PACE, in_seconds
from .turns import is_its_turn
from .waiting import may_begin

AWAY = (OperationalError, InterfaceError)  # the database restarts, or is locked for too long
RELEASED: dict[str, Any] = {"lease_until": None, "owner": "", "child": ""}
NO_PROGRESS: dict[str, Any] = {"step": None, "steps": None, "percent": None, "done_bytes": None, "total_bytes": None}

logger = logging.getLogger(__name__)


def me() -> str:
    """This process, told apart from all others: host|boot id|process id."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = ""
    return f"{platform.node()}|{boot}|{os.getpid()}"


def claim(operation_id: UUID) -> Operation | None:
    """Take a Queued operation for the next attempt; None when it is not to be taken now, by us.

    Duplicate, late and repeated messages all end here, as None.
    """
    try:
        with transaction.atomic():
            found = Operation.objects.filter(may_begin(), pk=operation_id).first()
            if found is None or not is_known(found.kind) or not is_its_turn(found):
                return None
            taken = Operation.objects.filter(may_begin(), pk=operation_id).update(
                status=Status.RUNNING,
                attempt=F("attempt") + 1,
                started_at=clock.database_now(),
                moved_at=clock.database_now(),
                lease_until=in_seconds(LEASE_SECONDS),
                owner=me(),
                child="",
                phase="",
                message="",
                **NO_PROGRESS,
            )
    except IntegrityError:  # the partial unique index had the last word
        return None
    return with_places().get(pk=operation_id) if taken else None


def with_places() -> "QuerySet[Operation]":
    return Operation.objects.select_related("environment__app", "environment__region", "requested_by")


def owned(operation: Operation) -> "QuerySet[Operation]":
    """The row, as long as it is ours: the fence in front of every write of an attempt."""
    return Operation.objects.filter(
        pk=operation.pk, status=Status.RUNNING, attempt=operation.attempt, owner=operation.owner
    )


def finish(operation: Operation, status: str, message: str, failure: str = "") -> bool:
    """End the attempt, with its closing sentence and its line of history. False: it was no longer ours.

    Rides out a restart of the database for five minutes.
    """
    wanted = {"status": status, "failure": failure, "message": message}
    if status == Status.COMPLETED:
        wanted["percent"] = 100 if operation.percent is not None else None  # type: ignore[assignment]
    return _ride_out(lambda: _end(operation, wanted))


def hand_back(operation: Operation, phase: str, *, is_a_try: bool) -> bool:
    """Queue it again for whoever comes next. What was only drained has cost no try: nothing went wrong with it."""
    changes = {"status": Status.QUEUED, "phase": phase, "started_at": None, "rings": 0, **RELEASED, **NO_PROGRESS}
    tries = F("max_attempts") + (0 if is_a_try else 1)
    return _ride_out(lambda: bool(owned(operation).update(**changes, ring_at=Now(), max_attempts=tries)))


def postpone(operation: Operation, again: Again, message: str) -> bool:
    """Queue a failed attempt's operation again for a later moment, with why it failed and a line of history."""
    sentence = f"{message} It is tried again: {again.phase}."
    changes = {"status": Status.QUEUED, "phase": again.phase, "message": message, "not_before_at": again.at}
    return _ride_out(lambda: _put_off(operation, changes, sentence))


def _put_off(operation: Operation, changes: dict[str, Any], sentence: str) -> bool:
    with transaction.atomic():
        changed = owned(operation).update(**changes, started_at=None, rings=0, ring_at=Now(), **RELEASED, **NO_PROGRESS)
        if changed:
            _record(operation, "postponed", sentence)
    return bool(changed)


def _end(operation: Operation, wanted: dict[str, Any]) -> bool:
    with transaction.atomic():
        if not owned(operation).update(**wanted, **RELEASED, finished_at=clock.database_now()):
            # After a lost connection nobody knows whether the first try was committed: then the row says so.
            return Operation.objects.filter(pk=operation.pk, attempt=operation.attempt, **wanted).exists()
        record_end(operation, wanted["status"], wanted["failure"], wanted["message"])
    return True


def record_end(operation: Operation, status: str, failure: str, message: str) -> None:
    """The line of history at an operation's end: `create.completed`, `create.failed`, `create.cancelled`."""
    how = "cancelled" if failure == Failure.CANCELLED else status.lower()
    if status != Status.COMPLETED or not is_known(operation.kind) or not kind_of(operation.kind).is_quiet:
        _record(operation, how, message or f"{operation.kind.capitalize()}: {how}.")


def _record(operation: Operation, how: str, sentence: str) -> None:
    record(
        operation.environment,
        f"{operation.kind}.{how}",
        sentence,
        by=operation.by,
        subject=operation.subject,
        operation=operation.pk,
    )


def _ride_out(write: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + FINISH_WITHIN_SECONDS
    while True:
        try:
            return write()
        except AWAY:
            if time.monotonic() > deadline or connection.in_atomic_block:
                raise
            logger.warning("The portal's database is away; trying again.")
            connection.close()
            time.sleep(min(1, PACE * 5))
