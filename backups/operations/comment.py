"""Comment: say what a backup is."""

from django.db import transaction

from environments.actors import Actor
from environments.models import record

from ..models import Backup


def change_comment(backup: Backup, *, by: Actor, comment: str) -> None:
    """Write or change the comment, at any time. Saying the same again is not an event."""
    comment = comment.strip()
    with transaction.atomic():
        old = Backup.objects.select_for_update().values_list("comment", flat=True).get(pk=backup.pk)
        if comment == old:
            return
        Backup.objects.filter(pk=backup.pk).update(comment=comment)
        record(
            backup.environment,
            "backup.commented",
            f"{by.name} changed the comment of the backup of {backup.created_at:%Y-%m-%d %H:%M} UTC.",
            by=by,
            subject=backup.pk,
            old=old,
            new=comment,
        )
    backup.comment = comment
