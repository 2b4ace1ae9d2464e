"""Turns: whose it is to begin. One at a time in an environment, a few at a database server, people before the night.

Among people, whoever has nothing at work in a queue goes before those who have, and then whoever had no turn there for
longest. This is one order of all who wait, so that the first of them never waits for another.
"""

from collections import Counter
from functools import partial

from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, When

from ..actors import lock_person
from ..choices import Origin, Status
from ..models import Environment, Operation, Region
from .doorbell import ring
from .kinds import LONG
from .periods import BEAT_SECONDS, LAST_RING_AGAIN_SECONDS, in_seconds
from .waiting import could_begin, is_blocked, may_begin

NIGHTLY_LAST = Case(When(origin=Origin.NIGHTLY, then=1), default=0)
SERVER_IS_BUSY = "Waits its turn: this database server gives as many backups at a time as it may"
PEOPLE_FIRST = "Waits its turn: people go first"
OTHERS_FIRST = "Waits its turn: others go first"


def is_its_turn(operation: Operation) -> bool:
    """Whether a Queued operation may be taken. If its database server or other people let it wait, its row says so.

    Call it in the transaction of the claim: what it looked at stays locked until that is committed.
    """
    person = operation.requested_by_id if operation.origin == Origin.PERSON else None
    if person is not None:
        lock_person(person)
    if operation.is_exclusive and _is_taken(operation):
        return False
    waits = _waits_for_server(operation) if operation.server else None
    if waits is None and person is not None:
        waits = _waits_for_others(operation)
    if waits is not None:
        phase, seconds = waits
        # A worker did look at it: it was not rung for in vain.
        queued = Operation.objects.filter(pk=operation.pk, status=Status.QUEUED)
        queued.update(phase=phase, rings=0, ring_at=in_seconds(seconds))
    return waits is None


def next_turns(environment: Environment) -> list[Operation]:
    """What to ring for when an operation of this environment has ended.

    The next there, the next at its server, and the next of its queue's that let others go first.
    """
    waiting = Operation.objects.filter(may_begin()).order_by(NIGHTLY_LAST, "created_at", "pk")
    here = waiting.filter(environment=environment, is_exclusive=True).first()
    there = None
    if environment.is_registered:
        others = waiting.filter(~is_blocked(), server=environment.plain_address.server)
        there = others.exclude(environment=environment).first()
    gave_way = waiting.filter(~is_blocked(), queue=environment.region.queue or LONG, phase=OTHERS_FIRST).first()
    found = {one.pk: one for one in (here, there, gave_way) if one is not None}
    return list(found.values())


def _is_taken(operation: Operation) -> bool:
    """Whether another exclusive operation goes first. The environment's row is locked until the claim is committed."""
    Environment.objects.select_for_update(of=("self",)).get(pk=operation.environment_id)
    goes_first = Q(status=Status.RUNNING)
    if operation.origin == Origin.NIGHTLY:  # the night gives way to people
        goes_first |= may_begin() & ~Q(origin=Origin.NIGHTLY)
    others = Operation.objects.filter(goes_first, environment=operation.environment_id, is_exclusive=True)
    return others.exists()


def _waits_for_server(operation: Operation) -> tuple[str, float] | None:
    """What it waits for, and after how many seconds it is rung again at the latest; None: it is its turn.

    One place of a server is left to people, where there are two or more.
    """
    # One lock for all servers, so that two claims see each other: a server may serve more than one region.
    list(Region.objects.select_for_update(no_key=True).order_by("pk"))
    most = Region.objects.values_list("backups_at_once", flat=True).get(environments=operation.environment_id)
    running = Operation.objects.filter(status=Status.RUNNING).exclude(server="")
    taken = Counter(running.values_list("server", flat=True))
    if taken[operation.server] >= most:
        return SERVER_IS_BUSY, LAST_RING_AGAIN_SECONDS  # whoever ends there rings for the next
    if operation.origin != Origin.NIGHTLY:
        return None
    if running.filter(server=operation.server, origin=Origin.NIGHTLY).count() >= max(1, most - 1):
        return SERVER_IS_BUSY, LAST_RING_AGAIN_SECONDS
    people = could_begin(operation.queue).filter(is_exclusive=True).exclude(origin=Origin.NIGHTLY)
    return (PEOPLE_FIRST, BEAT_SECONDS) if people.exists() else None


def _waits_for_others(operation: Operation) -> tuple[str, float] | None:
    """As above, for another person, who goes first. That one is rung for, so that nobody waits for a lost message."""
    first = _goes_first(operation)
    if first is None:
        return None
    transaction.on_commit(partial(ring, first), robust=True)
    operation.rings = 0
    if operation.phase != OTHERS_FIRST:  # once behind the other: where workers are idle it begins right after that
        transaction.on_commit(partial(ring, operation), robust=True)
    return OTHERS_FIRST, BEAT_SECONDS


def _goes_first(operation: Operation) -> Operation | None:
    """What somebody else asked for and could begin now, who has nothing at work in this queue and the older turn."""
    own = Operation.objects.filter(queue=operation.queue, origin=Origin.PERSON)
    mine, theirs = own.filter(requested_by=operation.requested_by_id), own.filter(requested_by=OuterRef("requested_by"))
    others = could_begin(operation.queue).filter(origin=Origin.PERSON, requested_by__isnull=False)
    others = others.exclude(requested_by=operation.requested_by_id)
    others = others.filter(~Exists(theirs.filter(status=Status.RUNNING)))
    others = others.annotate(my_turn=_last_turn(mine), their_turn=_last_turn(theirs))
    is_mine_newer = Q(my_turn__isnull=False) & (Q(their_turn=None) | Q(their_turn__lt=F("my_turn")))
    others = others.filter(Exists(mine.filter(status=Status.RUNNING)) | is_mine_newer)
    return others.order_by(F("their_turn").asc(nulls_first=True), "created_at", "pk").first()


def _last_turn(operations: "QuerySet[Operation]") -> Subquery:
    begun = operations.filter(started_at__isnull=False).order_by("-started_at")
    return Subquery(begun.values("started_at")[:1])
