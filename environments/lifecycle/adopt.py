"""Adopt: remember operations that have ended and that the portal's database does not know, or not to their end."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now

from .. import clock
from ..choices import ACTIVE, Failure, Status
from ..models import Environment, Operation
from .claim import NO_PROGRESS, RELEASED
from .kinds import LONG, kind_of
from .waiting import PROTOCOL

UNKNOWN = "What became of this since is not known here. Look at the environment, then decide."


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A Completed operation as it is known from elsewhere; moments in UTC."""

    id: UUID
    kind: str
    environment: Environment
    subject: UUID
    attempt: int
    requested_by_name: str
    origin: str
    message: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    unique_key: str | None = None
    max_attempts: int | None = None
    params: dict[str, Any] = field(default_factory=dict)


def adopt(ended: Iterable[Ended]) -> list[Operation]:
    """Write them, Completed, in one statement; `environment` comes with its region."""
    return Operation.objects.bulk_create(map(_row, ended))


def complete_after_all(known: Ended) -> bool:
    """Let an operation that is Queued, Failed or lost be Completed, as it really was. False: it is another's by now."""
    left = Q(status__in=(Status.QUEUED, Status.FAILED)) | Q(status=Status.RUNNING, lease_until__lt=Now())
    rows = Operation.objects.filter(left, kind=known.kind, subject=known.subject, attempt__lte=known.attempt)
    changes = {"message": known.message, "attempt": known.attempt, "finished_at": known.finished_at or clock.now()}
    started = {"started_at": known.started_at} if known.started_at else {}
    over: dict[str, Any] = {"failure": "", "phase": "", "cancelled_by_name": "", "ring_at": None, "not_before_at": None}
    return bool(rows.update(status=Status.COMPLETED, **changes, **started, **over, **RELEASED, **NO_PROGRESS))


def end_all(sentence: str) -> int:
    """End everything that is Queued or Running, because nobody knows what became of it; returns how many.

    Only for a database that was put back: what runs here now would be fenced.
    """
    left = Operation.objects.filter(status__in=ACTIVE)
    over: dict[str, Any] = {"phase": "", "ring_at": None, "finished_at": clock.database_now()}
    return left.update(status=Status.FAILED, failure=Failure.LOST, message=sentence, **over, **RELEASED)


def _row(one: Ended) -> Operation:
    how = kind_of(one.kind)
    return Operation(
        id=one.id,
        kind=one.kind,
        environment=one.environment,
        subject=one.subject,
        params=one.params,
        requested_by_name=one.requested_by_name[:200],
        origin=one.origin,
        unique_key=one.unique_key,
        status=Status.COMPLETED,
        message=one.message,
        created_at=one.created_at,
        started_at=one.started_at,
        finished_at=one.finished_at,
        is_exclusive=how.is_exclusive,
        may_repeat=how.may_repeat,
        time_limit_seconds=how.time_limit_seconds,
        max_attempts=one.max_attempts or how.max_attempts,
        queue=one.environment.region.queue or LONG,
        protocol=PROTOCOL,
        attempt=one.attempt,
    )
