"""Give up: end an operation that waited for its turn too long."""

from django.db import transaction

from .. import clock
from ..choices import Failure, Status
from ..models import Operation
from .claim import record_end


def give_up(operation: Operation, sentence: str) -> bool:
    """End a Queued operation that nobody has begun; the sentence says why. False: it is not Queued any more."""
    waiting = Operation.objects.filter(pk=operation.pk, status=Status.QUEUED, attempt=operation.attempt)
    with transaction.atomic():
        ended = waiting.update(
            status=Status.FAILED, failure=Failure.ERROR, message=sentence, phase="", finished_at=clock.database_now()
        )
        if ended:
            record_end(operation, Status.FAILED, Failure.ERROR, sentence)
    return bool(ended)
