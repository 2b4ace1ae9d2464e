"""Comment: say what a backup is."""

from django.db import transaction

from environments.actors import Actor
from environments.models import record

from ..errors import CommentChanged
from ..models import Backup
from .note import note_soon


def change_comment(backup: Backup, *, by: Actor, comment: str, seen: str | None = None) -> None:
    """Write or change the comment, at any time. Saying the same again is not an event.

    `seen` is the comment that the person saw when they began; None: whatever it is.

    Raises:
        CommentChanged: it was another one by now.
    """
    comment = comment.strip()
    with transaction.atomic():
        old = Backup.objects.select_for_update().values_list("comment", flat=True).get(pk=backup.pk)
        if comment == old:
            return
        if seen is not None and seen.split() != old.split():  # browsers send other line ends
            raise CommentChanged(old)
        Backup.objects.filter(pk=backup.pk).change_noted(comment=comment)
        note_soon(backup.pk)
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
