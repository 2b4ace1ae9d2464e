"""Submit: ask for an operation. One short transaction; the bell rings when it is committed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction

from .. import clock
from ..actors import Actor
from ..choices import ACTIVE, Origin, Status
from ..errors import EnvironmentBusy
from ..models import Environment, Operation
from .claim import PROTOCOL
from .doorbell import ring
from .kinds import LONG, kind_of, title_of
from .periods import FIRST_RING_AGAIN_SECONDS, in_seconds


def submit(
    kind: str,
    *,
    environment: Environment,
    by: Actor,
    subject: UUID | None = None,
    params: dict[str, Any] | None = None,
    at: datetime | None = None,
    unique_key: str | None = None,
    not_before: datetime | None = None,
    max_attempts: int | None = None,
    is_rung: bool = True,
) -> Operation:
    """Queue an operation. Call it in the transaction that writes what belongs to it.

    The same `unique_key` makes nothing twice: the operation that has it is returned. `is_rung=False` leaves the
    operation to whoever runs it here and now; a minute later it belongs to the workers.

    Raises:
        EnvironmentBusy: it is exclusive, and another exclusive operation is Queued or Running there. The night is
            not refused: it waits.
    """
    with transaction.atomic():
        # Two requests at once see each other: the second waits here, and then finds the first one's row.
        place = (
            Environment.objects.select_for_update(of=("self",)).select_related("app", "region").get(pk=environment.pk)
        )
        if unique_key is not None and (known := Operation.objects.filter(unique_key=unique_key).first()):
            return known
        if kind_of(kind).is_exclusive:
            _check_free(place, by)
        operation = _new(kind, place, by, max_attempts)
        operation.subject, operation.params, operation.unique_key = subject, params or {}, unique_key
        operation.created_at, operation.not_before_at = at or clock.now(), not_before
        operation.ring_at = in_seconds(0 if is_rung else FIRST_RING_AGAIN_SECONDS)
        operation.save(force_insert=True)
        if is_rung and not_before is None:
            transaction.on_commit(partial(ring, operation), robust=True)
    operation.ring_at = None  # the database knows it; the caller's object is free of expressions
    return operation


@dataclass(frozen=True)
class Asked:
    """One of many operations that are asked for."""

    environment: Environment
    subject: UUID | None
    unique_key: str | None = None
    not_before: datetime | None = None
    params: dict[str, Any] = field(default_factory=dict)


def submit_all(
    kind: str, asked: Iterable[Asked], *, by: Actor, at: datetime | None = None, max_attempts: int | None = None
) -> list[Operation]:
    """Queue many operations that nobody waits for, one of a subject; as few statements for a thousand as for one.

    Call it in the transaction that writes what belongs to them. Those whose `unique_key` is taken are left out. None
    is refused: where another excluding operation is in the way it waits its turn. The next reaper rings for them.
    """
    wanted = list(asked)
    with transaction.atomic():
        # Locked in one order, so that two callers wait for each other and not crosswise.
        rows = Environment.objects.select_for_update(of=("self",)).select_related("app", "region").order_by("pk")
        places = rows.in_bulk({one.environment.pk for one in wanted})
        keys = [one.unique_key for one in wanted if one.unique_key is not None]
        taken = set(Operation.objects.filter(unique_key__in=keys).values_list("unique_key", flat=True))
        new = []
        for one in wanted:
            if one.unique_key not in taken:
                operation = _new(kind, places[one.environment.pk], by, max_attempts)
                operation.subject, operation.params, operation.unique_key = one.subject, one.params, one.unique_key
                operation.created_at, operation.not_before_at = at or clock.now(), one.not_before
                operation.ring_at = in_seconds(0)
                new.append(operation)
        Operation.objects.bulk_create(new)
    for operation in new:
        operation.ring_at = None
    return new


def _new(kind: str, place: Environment, by: Actor, max_attempts: int | None) -> Operation:
    """An operation as its kind and its place say, not yet saved."""
    how = kind_of(kind)
    return Operation(
        kind=kind,
        environment=place,
        requested_by=by.user,
        requested_by_name=by.name[:200],
        origin=by.origin,
        is_exclusive=how.is_exclusive,
        may_repeat=how.may_repeat,
        time_limit_seconds=how.time_limit_seconds,
        max_attempts=max_attempts or how.max_attempts,
        queue=place.region.queue or LONG,
        protocol=PROTOCOL,
    )


def _check_free(environment: Environment, by: Actor) -> None:
    if by.origin == Origin.NIGHTLY:
        return  # it waits its turn
    others = Operation.objects.filter(environment=environment, is_exclusive=True, status__in=ACTIVE)
    others = others.exclude(status=Status.QUEUED, origin=Origin.NIGHTLY)  # the night gives way to people
    other = others.order_by("created_at").first()
    if other is not None:
        raise EnvironmentBusy(busy_sentence(other))


def busy_sentence(other: Operation) -> str:
    """What is in the way, since when, and what can be done: for the person who is refused."""
    since = f"{other.started_at or other.created_at:%Y-%m-%d %H:%M} UTC"
    stands = "waits for a worker" if other.status == Status.QUEUED else "is under way"
    return (
        f"{title_of(other.kind)} {stands} in this environment since {since}, asked for by "
        f"{other.requested_by_name}. Nothing was started; wait for its end, or cancel it."
    )
