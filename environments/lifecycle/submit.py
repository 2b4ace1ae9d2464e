"""Submit: ask for an operation. One short transaction; the bell rings when it is committed."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from .. import clock
from ..actors import Actor, lock_person
from ..choices import ACTIVE, Origin, Status
from ..errors import EnvironmentBusy, EnvironmentUnregistered, TooMuchAtOnce
from ..models import Environment, Operation
from .doorbell import ring
from .kinds import LONG, kind_of, title_of
from .periods import FIRST_RING_AGAIN_SECONDS, in_seconds
from .waiting import PROTOCOL


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
        EnvironmentBusy: it is exclusive, and another such is Queued or Running there. The night waits instead.
        EnvironmentUnregistered: it is exclusive, and nobody has said where its environment runs.
        TooMuchAtOnce: this person has as many at work or waiting as one may. The night and commands have no limit.
    """
    with transaction.atomic():
        share = _share_of(by)
        # Two requests at once see each other: the second waits here, and then finds the first one's row.
        places = Environment.objects.select_for_update(of=("self",)).select_related("app", "region")
        place = places.get(pk=environment.pk)
        if unique_key is not None and (known := Operation.objects.filter(unique_key=unique_key).first()):
            return known
        if kind_of(kind).is_exclusive:
            _check_free(place, by)
        _check_share(share)
        operation = _new(kind, by, Asked(place, subject, unique_key, not_before, params or {}), at, max_attempts)
        operation.ring_at = in_seconds(0 if is_rung else FIRST_RING_AGAIN_SECONDS)
        operation.save(force_insert=True)
        if is_rung and not_before is None:
            transaction.on_commit(partial(ring, operation), robust=True)
    operation.ring_at = None  # the database knows it; the caller's object is free of expressions
    return operation


@dataclass(frozen=True)
class Asked:
    """One operation that is asked for."""

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
                place = places[one.environment.pk]
                operation = _new(kind, by, replace(one, environment=place), at, max_attempts)
                operation.ring_at = in_seconds(0)
                new.append(operation)
        Operation.objects.bulk_create(new)
    for operation in new:
        operation.ring_at = None
    return new


def _new(kind: str, by: Actor, asked: Asked, at: datetime | None, max_attempts: int | None) -> Operation:
    """An operation as its kind and its place say, not yet saved."""
    how, place = kind_of(kind), asked.environment
    return Operation(
        kind=kind,
        environment=place,
        subject=asked.subject,
        params=asked.params,
        unique_key=asked.unique_key,
        created_at=at or clock.now(),
        not_before_at=asked.not_before,
        requested_by=by.user,
        requested_by_name=by.name[:200],
        origin=by.origin,
        is_exclusive=how.is_exclusive,
        may_repeat=how.may_repeat,
        time_limit_seconds=how.time_limit_seconds,
        max_attempts=max_attempts or how.max_attempts,
        queue=place.region.queue or LONG,
        server=place.plain_address.server if how.is_heavy else "",
        protocol=PROTOCOL,
    )


def _check_free(environment: Environment, by: Actor) -> None:
    if not environment.is_registered:
        raise EnvironmentUnregistered(str(environment))
    if by.origin == Origin.NIGHTLY:
        return  # it waits its turn
    other = in_the_way(environment)
    if other is not None:
        raise EnvironmentBusy(busy_sentence(other))


def _share_of(by: Actor) -> "QuerySet[Operation] | None":
    """What this person has at work or waiting; nobody changes it until this is committed. None: there is no limit."""
    if not settings.ACTIVE_PER_PERSON or by.user is None or by.origin != Origin.PERSON:
        return None
    lock_person(by.user.pk)
    return Operation.objects.filter(requested_by=by.user, origin=Origin.PERSON, status__in=ACTIVE)


def _check_share(share: "QuerySet[Operation] | None") -> None:
    most = settings.ACTIVE_PER_PERSON
    if share is not None and share.count() >= most:
        raise TooMuchAtOnce(
            f"Operations of yours at work or waiting: {most}, as many as one person may have at once. "
            "Nothing was started; wait until one of them ends, or cancel one."
        )


def in_the_way(environment: Environment) -> Operation | None:
    """The exclusive operation for which a person's next one would be refused there; None: the place is free."""
    others = Operation.objects.filter(environment=environment, is_exclusive=True, status__in=ACTIVE)
    others = others.exclude(status=Status.QUEUED, origin=Origin.NIGHTLY)  # the night gives way to people
    return others.order_by("created_at").first()


def asked_already(kind: str, environment: Environment, by: Actor, *, subject: UUID | None = None) -> Operation | None:
    """The same, asked for by the same person, that has not ended yet: the answer to whoever sends a form twice."""
    mine = Operation.objects.filter(environment=environment, kind=kind, status__in=ACTIVE, requested_by=by.user)
    mine = mine.filter(subject=subject) if subject else mine
    return mine.first() if by.user else None


def busy_sentence(other: Operation) -> str:
    """What is in the way, since when, and what can be done: for the person who is refused."""
    since = f"{other.started_at or other.created_at:%Y-%m-%d %H:%M} UTC"
    stands = "waits for a worker" if other.status == Status.QUEUED else "is under way"
    return (
        f"{title_of(other.kind)} {stands} in this environment since {since}, asked for by "
        f"{other.requested_by_name}. Nothing was started; wait for its end, or cancel it."
    )
