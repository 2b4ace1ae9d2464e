"""Run: look at an operation, claim it, perform it, finish it. Everything that can end an attempt ends here."""

import contextlib
import logging
import time
from uuid import UUID

from django.db.models.functions import Now

from ..choices import Failure, Status
from ..errors import EnvironmentBusy, Failed, Refused
from ..logs import belonging_to
from ..models import Environment, Operation
from . import drain
from .attempt import Attempt, Cancelled, Drained, Fenced, TimeUp, Unsettled
from .claim import AWAY, claim, finish, hand_back, owned, postpone, with_places
from .doorbell import ring, ring_soon
from .kinds import kind_of
from .turns import SERVER_IS_BUSY, next_turns

logger = logging.getLogger(__name__)

HANDED_BACK = "Handed back: the worker was stopped; another one begins again"
LEFT = "It failed, and could not be brought to a whole end yet; that is tried again until it is"
STOPPED = "Stopped from the keyboard before its end. Nothing half-made is kept; start it again."


def run(operation_id: UUID) -> None:
    """What a queue message means: perform this operation, if it is to be performed now and nobody else does."""
    if drain.is_on():
        ring_soon(operation_id)
        return
    began = time.monotonic()
    operation = claim(operation_id)
    if operation is not None:
        with belonging_to(operation.pk):
            _perform(operation, began)


def run_here(operation: Operation) -> Operation:
    """Perform an operation in this process, without the queue; returns the fresh row, ended.

    Raises:
        EnvironmentBusy: it cannot be taken now; it stays Queued, and a worker takes it in its turn.
    """
    began = time.monotonic()
    claimed = claim(operation.pk)
    if claimed is not None:
        with belonging_to(claimed.pk):
            _perform(claimed, began)
    fresh = with_places().get(pk=operation.pk)
    if fresh.phase == LEFT and not fresh.is_ended:
        raise EnvironmentBusy(f"{LEFT}, by the workers. See how it goes with: show_operation {fresh.pk}")
    if not fresh.is_ended:
        why = f"another one runs in {fresh.environment}, or a worker has taken it"
        if fresh.phase == SERVER_IS_BUSY:
            why = "its database server gives as many backups at a time as it may"
        raise EnvironmentBusy(
            f"The operation cannot begin here now: {why}. "
            f"It stays {fresh.status}; cancel it, or see how it goes with: show_operation {fresh.pk}"
        )
    return fresh


def _perform(operation: Operation, began: float) -> None:
    """One attempt, from the sweeping of its forerunners to its end. `began`: before it was claimed, monotonic."""
    kind = kind_of(operation.kind)
    attempt = Attempt(operation, began)
    try:
        # Again, although the reaper did it: a forerunner that was only slow may have written since.
        for dead in range(1, attempt.number):
            kind.sweep(operation, dead)
            attempt.beat()
        message = kind.perform(attempt)
        finish(operation, Status.COMPLETED, message)
    except Fenced:
        logger.warning("%s is no longer ours: attempt %s ends without a word.", operation, attempt.number)
    except Unsettled:
        logger.exception("Attempt %s of %s is left to the reaper.", attempt.number, operation)
        with contextlib.suppress(*AWAY):
            owned(operation).update(phase=LEFT, lease_until=Now())
    except Drained:
        hand_back(operation, HANDED_BACK, is_a_try=False)
    except BaseException as error:
        failure, message = _why(error, operation)
        again = kind.after_failure(operation) if failure == Failure.ERROR else None
        if again is not None:
            postpone(operation, again, message)
        else:
            finish(operation, Status.FAILED, message, failure)
        if not isinstance(error, Exception):  # the library's time-out is a SystemExit, which it wants to see
            raise
    finally:
        with contextlib.suppress(*AWAY):  # then the reaper rings
            if not drain.is_on():
                ring_next(operation.environment)


def _why(error: BaseException, operation: Operation) -> tuple[Failure, str]:
    """The reason and the closing sentence of a failed attempt."""
    if isinstance(error, Cancelled):
        return Failure.CANCELLED, f"Cancelled by {error}."
    if isinstance(error, KeyboardInterrupt):
        return Failure.CANCELLED, STOPPED
    if isinstance(error, (TimeUp, SystemExit)):
        hours = operation.time_limit_seconds / 3600
        return Failure.TIME_LIMIT, f"The time limit of {hours:g} hours is over. Nothing half-made is kept."
    if isinstance(error, (Failed, Refused)):
        return Failure.ERROR, str(error)
    logger.exception("%s failed unexpectedly.", operation, exc_info=error)
    name = type(error).__name__
    return Failure.ERROR, (
        f"Something unexpected went wrong ({name}). Nothing half-made is kept. "
        "Try it again; when it happens again, the worker's log says more to whoever runs this portal."
    )


def ring_next(environment: Environment) -> None:
    """Let what waits for this environment, and for its database server, have its turn without waiting for the reaper.

    Of each the oldest, people's first: the night gives way to them.
    """
    for following in next_turns(environment):
        following.rings = 0
        ring(following)
