"""Hold: keep a backup from being pruned while somebody reads it."""

import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.db import DatabaseError, transaction

from environments import clock

from ..errors import BackupLeaving
from ..models import Backup, Hold

HOLDS_FOR = timedelta(minutes=5)
RENEW_EVERY_SECONDS = 60

log = logging.getLogger(__name__)


def hold(backup: UUID, during: timedelta = HOLDS_FOR) -> None:
    """Keep a backup for five minutes more, or for so long. No hold is ever made shorter.

    Raises:
        BackupLeaving: it is being removed, or is gone.
    """
    with transaction.atomic():
        rows = Backup.objects.select_for_update(of=("self",)).select_related("hold")
        row = rows.filter(pk=backup, removal_at=None).first()
        if row is None:
            raise BackupLeaving
        until = clock.now() + during
        if not hasattr(row, "hold") or row.hold.until < until:
            Hold.objects.update_or_create(backup=row, defaults={"until": until})


def holding(backup: UUID, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces, while the backup is held. A reader that dies holds it for a few minutes more.

    Raises, while read: BackupLeaving.
    """
    held_at = time.monotonic()
    _renew(backup)
    for piece in pieces:
        if time.monotonic() - held_at >= RENEW_EVERY_SECONDS:
            held_at = time.monotonic()
            _renew(backup)
        yield piece


def _renew(backup: UUID) -> None:
    """A portal's database that is away for a moment is no reason to cut what comes from the vault."""
    try:
        hold(backup)
    except DatabaseError as error:
        log.warning("Backup %s could not be held while it is read: %s", backup, str(error).strip())
