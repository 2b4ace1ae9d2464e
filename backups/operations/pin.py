"""Pin: keep a backup past its expiry, because somebody says why, for as long as they say."""

from datetime import datetime

from django.db import transaction

from environments import clock
from environments.actors import Actor
from environments.models import record

from ..errors import BackupLeaving, BackupNotCompleted, BackupNotPinned, PinChanged, PinRefused
from ..models import Backup
from .note import note_soon

LONGEST_REASON = 500


def pin(backup: Backup, *, by: Actor, reason: str, until: datetime | None = None, seen: str | None = None) -> None:
    """Keep a backup past its date, until a moment (UTC) or until somebody takes the pin out; again: change both.

    `seen` is the reason that the person saw when they began, empty without a pin; None: whatever it is.

    Raises:
        PinRefused: no reason, or the end is over; PinChanged, BackupNotCompleted, BackupLeaving.
    """
    reason = " ".join(reason.split())
    if not reason:
        raise PinRefused("Say why the backup is to be kept longer; the reason is shown beside it.")
    if len(reason) > LONGEST_REASON:
        raise PinRefused(f"The reason may be {LONGEST_REASON} characters long; this one has {len(reason)}.")
    if until is not None and until <= clock.now():
        raise PinRefused("The end of the pin is over already. Choose a later one, or none.")
    ends = f", until {until:%Y-%m-%d}" if until else ""
    with transaction.atomic():
        backup = _locked(backup)
        if not backup.is_completed:
            raise BackupNotCompleted
        if seen is not None and backup.pin_reason.split() not in (seen.split(), reason.split()):
            raise PinChanged(backup.pin_reason)
        Backup.objects.filter(pk=backup.pk).change_noted(pinned_at=clock.now(), pinned_until=until, pin_reason=reason)
        note_soon(backup.pk)
        sentence = f"{by.name} pinned the backup of {backup.created_at:%Y-%m-%d %H:%M} UTC{ends}: {reason}"
        record(backup.environment, "backup.pinned", sentence, by=by, subject=backup.pk, reason=reason)


def unpin(backup: Backup, *, by: Actor) -> None:
    """Take the pin out. What has expired meanwhile goes with the next prune.

    Raises:
        BackupNotPinned, BackupLeaving.
    """
    with transaction.atomic():
        backup = _locked(backup)
        if not backup.is_pinned:
            raise BackupNotPinned
        Backup.objects.filter(pk=backup.pk).change_noted(pinned_at=None, pinned_until=None, pin_reason="")
        note_soon(backup.pk)
        sentence = f"{by.name} took the pin out of the backup of {backup.created_at:%Y-%m-%d %H:%M} UTC."
        record(backup.environment, "backup.unpinned", sentence, by=by, subject=backup.pk, reason=backup.pin_reason)


def _locked(backup: Backup) -> Backup:
    """The row as it is now, which nobody begins to remove meanwhile."""
    rows = Backup.objects.select_for_update(of=("self",)).select_related("operation", "environment__app")
    found = rows.filter(pk=backup.pk, removal_at=None).first()
    if found is None:
        raise BackupLeaving
    return found
