"""Mark: see that the vault is this installation's, before anything is written to it or removed from it.

What was seen is remembered, so that pages can tell of a vault that is away without going there themselves.
"""

from contextlib import suppress

from django.db import transaction

from environments import clock

from ..errors import VaultForeign, VaultUnreachable
from ..models import Backup, Installation
from ..storage.marker import check_marker
from ..storage.portal_copies import NO_COPY, check_newest
from ..storage.vault import Vault, open_vault


def mark_vault(vault: Vault) -> None:
    """Check the vault's marker; the first write ever into an empty vault makes it, and that is remembered.

    Raises:
        VaultForeign, CatalogueBehind, VaultUnreachable
    """
    own = Installation.own()
    may_make = own.marked_at is None and not Backup.objects.exclude(stored_attempt=None).exists()
    try:
        check_vault(vault, own, may_make=may_make)
    except (VaultUnreachable, VaultForeign) as error:
        _remember(own, str(error))
        raise
    _remember(own, "")
    if own.marked_at is None:
        with transaction.atomic():
            Installation.objects.filter(pk=own.pk, marked_at=None).update(marked_at=clock.now(), saved_label=NO_COPY)


def see_vault() -> None:
    """Look whether the vault is there, where anything was ever written to it; what is found is remembered."""
    if Installation.own().marked_at is not None:
        with suppress(VaultUnreachable, VaultForeign):
            mark_vault(open_vault())


def _remember(own: Installation, problem: str) -> None:
    if own.vault_problem != problem:
        since = (own.vault_problem_since or clock.now()) if problem else None
        Installation.objects.filter(pk=own.pk).update(vault_problem=problem, vault_problem_since=since)


def check_vault(vault: Vault, own: Installation, *, may_make: bool = False) -> None:
    """The same without the portal's database: for whoever has read the row.

    Raises:
        VaultForeign, CatalogueBehind, VaultUnreachable
    """
    check_marker(vault, str(own.pk), may_make=may_make)
    check_newest(vault, own.saved_label)
