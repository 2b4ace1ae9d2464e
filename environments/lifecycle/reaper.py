"""The reaper: finds lost operations, rings for forgotten ones. Any number may run; each step is safe twice."""

import logging

from django.db import transaction
from django.db.models.functions import Now

from .. import clock
from ..choices import Failure, Status
from ..models import Operation
from ..programs import sweep_pass_files
from .claim import finish, hand_back, may_begin, owned, record_end, with_places
from .doorbell import ask_for_sign, ring
from .kinds import Keeping, is_known, keepings, kind_of
from .periods import LEASE_SECONDS, in_seconds
from .remains import end_remains
from .run import ring_next
from .signs import REAPER, may_ask, sign

AT_ONCE = 100
LOST = "lost|"
TRIED_AGAIN = "The worker was lost; another one begins again"

logger = logging.getLogger(__name__)


def reap() -> None:
    """One pass: lost operations, cancelled ones that nobody holds, unrung ones, and the reaper's own sign of life."""
    for operation in _lost():
        if _take_over(operation):
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
    return list(with_places().filter(status=Status.RUNNING, lease_until__lt=Now())[:AT_ONCE])


def _take_over(operation: Operation) -> bool:
    """Become the owner of a lost attempt: from here on a worker that was only slow is fenced.

    The lease is renewed: should this reaper be lost as well, the next one begins here again.
    """
    rows = owned(operation).filter(lease_until__lt=Now())
    operation.owner = LOST + operation.owner.removeprefix(LOST)
    return bool(rows.update(owner=operation.owner, lease_until=in_seconds(LEASE_SECONDS)))


def _bury(operation: Operation) -> None:
    """End and remove what the attempt left, then let the operation be tried again, or end it."""
    logger.warning("%s was lost in attempt %s, at %s.", operation, operation.attempt, operation.owner)
    end_remains(operation, operation.owner.removeprefix(LOST))
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
