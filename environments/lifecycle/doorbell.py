"""The doorbell: the only file that knows the queue. A message says "look at operation X", nothing more."""

import logging
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now
from django_q.tasks import async_task

from ..choices import Status
from ..models import Operation
from .periods import FIRST_RING_AGAIN_SECONDS, LAST_RING_AGAIN_SECONDS, in_seconds

LOOK = "environments.tasks.look_at"

logger = logging.getLogger(__name__)


def ring(operation: Operation) -> None:
    """Send a message about a Queued operation, and say when it would be sent again. A dead queue is logged, not raised:
    the reaper rings what was not heard."""
    try:
        async_task(LOOK, str(operation.pk), cluster=operation.queue, ack_failure=True, save=False)
    except Exception:
        logger.exception("The queue does not answer; %s waits for the reaper.", operation)
        return
    pause = min(FIRST_RING_AGAIN_SECONDS * 2**operation.rings, LAST_RING_AGAIN_SECONDS)
    waiting = Operation.objects.filter(pk=operation.pk, status=Status.QUEUED)
    waiting.update(ring_at=in_seconds(pause), rings=F("rings") + 1)


def ring_soon(operation_id: UUID) -> None:
    """Let the next reaper ring, without a back-off: the message came to a worker that is being stopped."""
    Operation.objects.filter(pk=operation_id, status=Status.QUEUED).update(ring_at=Now(), rings=0)
