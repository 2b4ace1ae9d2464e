"""The reaper: finds lost operations, rings for forgotten ones. Any number may run; each step is safe twice."""

import logging
import secrets

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from .. import clock
from ..choices import Failure, Status
from ..models import Operation
from ..programs import sweep_pass_files
from .claim import finish, hand_back, owned, record_end, with_places
from .doorbell import ask_for_sign, ring
from .kinds import Keeping, is_known, keepings, kind_of
from .periods import LEASE_SECONDS, in_seconds
from .reach import beyond_reach
from .remains import end_remains
from .run import LEFT, ring_next
from .signs import REAPER, may_ask, sign
from .waiting import PROTOCOL, may_begin

AT_ONCE = 100
LOST = "lost|"
NOT_YET = "The worker was lost; bringing it to a whole end is tried again"
TRIED_AGAIN = "The worker was lost; another one begins again"
ELSEWHERE = "The worker was lost; one of {} settles it"  # a queue: all but it do not see the files

logger = logging.getLogger(__name__)


def reap() -> None:
    """One pass: lost operations, cancelled ones that nobody holds, unrung ones, and the reaper's own sign of life."""
    for operation in _lost():
        if _take_over(operation):
            sign(REAPER)
            _bury(operation)
    for operation in with_places().filter(status=Status.QUEUED).exclude(cancelled_by_name=""):
        _end_cancelled(operation)
    due = Operation.objects.filter(may_begin(), ring_at__lte=Now()).order_by("created_at", "pk")
    for operation in due[:AT_ONCE]:
        if not ring(operation):
            break
    sweep_pass_files()
    for keep in keepings():
        _keep(keep)
    sign(REAPER)
    if may_ask():
        ask_for_sign()


def _keep(keep: Keeping) -> None:
    try:
        keep()
    except Exception:
        logger.exception("%s failed; the next pass tries again.", keep.__qualname__)


def _lost() -> list[Operation]:
    """Those of a newer release are for its reapers, as is what lies where this machine does not reach."""
    lost = with_places().filter(status=Status.RUNNING, lease_until__lt=Now(), protocol__lte=PROTOCOL)
    _leave(lost.filter(beyond_reach()))
    return list(lost.exclude(beyond_reach())[:AT_ONCE])


def _leave(lost: QuerySet[Operation]) -> None:
    """Say whom each waits for, where nothing better is known; should its worker only be slow, it speaks over that."""
    for queue in set(lost.values_list("queue", flat=True)):
        sentence = ELSEWHERE.format(queue)
        lost.filter(queue=queue).exclude(phase__in=(sentence, NOT_YET, LEFT)).update(phase=sentence)


def _take_over(operation: Operation) -> bool:
    """Become the owner of a lost attempt: from here on a worker that was only slow is fenced.

    The lease is renewed: should this reaper be lost as well, the next one begins here again.
    """
    rows = owned(operation).filter(lease_until__lt=Now())
    # A word of its own: a reaper whose lease ran out is fenced by the next one.
    operation.owner = f"{LOST}{secrets.token_hex(4)}|{_lost_by(operation)}"
    return bool(rows.update(owner=operation.owner, lease_until=in_seconds(LEASE_SECONDS)))


def _lost_by(operation: Operation) -> str:
    """Whose attempt it was, whoever took it over since."""
    owner = operation.owner
    return owner.removeprefix(LOST).partition("|")[2] if owner.startswith(LOST) else owner


def _bury(operation: Operation) -> None:
    """End and remove what the attempt left, then let the operation be tried again, or end it."""
    logger.warning("%s was lost in attempt %s, at %s.", operation, operation.attempt, _lost_by(operation))
    end_remains(operation, _lost_by(operation))
    _sweep(operation)
    tries = f"try {operation.attempt} of {operation.max_attempts}"
    if is_known(operation.kind) and kind_of(operation.kind).recover:
        _recover(operation)
    elif operation.cancelled_by_name:
        finish(operation, Status.FAILED, f"Cancelled by {operation.cancelled_by_name}.", Failure.CANCELLED)
    elif operation.may_repeat and operation.attempt < operation.max_attempts:
        hand_back(operation, TRIED_AGAIN, is_a_try=True)
    else:
        finish(operation, Status.FAILED, f"The worker was lost ({tries}). {_advice(operation)}", Failure.LOST)
    ring_next(operation.environment)


def _recover(operation: Operation) -> None:
    """Let the kind bring it to a whole end. What cannot be done now is done by the next pass: the lease ends again."""
    recover = kind_of(operation.kind).recover
    assert recover is not None
    try:
        status, sentence = recover(operation, operation.attempt)
    except Exception:
        logger.exception("Attempt %s of %s could not be recovered yet.", operation.attempt, operation)
        owned(operation).update(phase=NOT_YET)
        return
    finish(operation, status, sentence, Failure.LOST if status == Status.FAILED else "")


def _advice(operation: Operation) -> str:
    if operation.may_repeat:
        return "Nothing half-made is kept. Look after the workers, then start it again."
    return "It is not repeated by itself. Look at the environment, then decide."


def _sweep(operation: Operation) -> None:
    """Remove what the attempt stored. What cannot be removed now is tried again before the next attempt."""
    if not is_known(operation.kind):
        return
    try:
        kind_of(operation.kind).sweep(operation, operation.attempt)
    except Exception:
        logger.exception("What attempt %s of %s left could not be removed.", operation.attempt, operation)


def _end_cancelled(operation: Operation) -> None:
    """A wish that came while the operation went back into the queue."""
    sentence = f"Cancelled by {operation.cancelled_by_name}."
    with transaction.atomic():
        rows = Operation.objects.filter(pk=operation.pk, status=Status.QUEUED)
        ended = rows.update(
            status=Status.FAILED,
            failure=Failure.CANCELLED,
            message=sentence,
            finished_at=clock.database_now(),
        )
        if ended:
            record_end(operation, Status.FAILED, Failure.CANCELLED, sentence)
