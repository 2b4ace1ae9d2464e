"""Cancel: wish an operation to end. A Queued one ends at once, a Running one at its next beat."""

from functools import partial

from django.db import transaction

from .. import clock
from ..actors import Actor
from ..choices import Failure, Status
from ..errors import OperationEnded
from ..models import Operation, record
from .claim import with_places
from .run import ring_next


def cancel(operation: Operation, *, by: Actor) -> None:
    """Wish it to end. Wishing twice is not an event.

    Raises:
        OperationEnded: it is Completed or Failed already.
    """
    with transaction.atomic():
        row = with_places().select_for_update(of=("self",)).get(pk=operation.pk)
        rows = Operation.objects.filter(pk=row.pk, status=row.status, attempt=row.attempt)
        if row.is_ended:
            raise OperationEnded
        if row.status == Status.QUEUED:
            sentence, how = f"Cancelled by {by.name}.", "cancelled"
            rows.update(
                status=Status.FAILED,
                failure=Failure.CANCELLED,
                message=sentence,
                cancelled_by_name=by.name[:200],
                finished_at=clock.database_now(),
            )
            transaction.on_commit(partial(ring_next, row.environment), robust=True)
        elif row.cancelled_by_name:
            return
        else:
            sentence, how = f"{by.name} asked to cancel it.", "cancel_requested"
            rows.update(cancelled_by_name=by.name[:200])
        record(row.environment, f"{row.kind}.{how}", sentence, by=by, subject=row.subject, operation=row.pk)
