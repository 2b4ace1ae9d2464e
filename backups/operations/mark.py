"""Mark: see that the vault is this installation's, before anything is written to it or removed from it."""

from django.db import transaction

from environments import clock

from ..models import Backup, Installation
from ..storage.marker import check_marker
from ..storage.vault import Vault


def mark_vault(vault: Vault) -> None:
    """Check the vault's marker; the first write ever into an empty vault makes it, and that is remembered.

    Raises:
        VaultForeign, VaultUnreachable
    """
    own = Installation.own()
    may_make = own.marked_at is None and not Backup.objects.exclude(stored_attempt=None).exists()
    check_marker(vault, str(own.pk), may_make=may_make)
    if own.marked_at is None:
        with transaction.atomic():
            Installation.objects.filter(pk=own.pk, marked_at=None).update(marked_at=clock.now())
