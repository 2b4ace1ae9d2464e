"""The marker: one object that says whose vault this is, so that an unmounted disk or a wrong bucket is noticed."""

import json
import random
import time

from ..errors import StoredAlready, StoredMissing, VaultForeign, VaultUnreachable
from . import names
from .vault import Vault

FORMAT = "portal-vault/1"
LONGEST = 4096
PAUSES = (0.1, 0.2, 0.4, 0.8)
"""Seconds for whoever else is writing it."""
NOT_OURS = ("lost+found",)


def check_marker(vault: Vault, installation: str, *, may_make: bool) -> None:
    """See that the vault is this installation's, before anything is written or removed.

    `may_make` is true only for the first write ever (no marker is remembered, no backup is known): then an empty vault
    gets its marker, and the place itself is made where that is possible.

    Raises:
        VaultForeign: no marker, or another one's; nothing was written.
        VaultUnreachable
    """
    if may_make:
        vault.settle()
    found = installation_of(vault)
    if found is None and may_make:
        _make(vault, installation)
        found = installation_of(vault)
    if found is None:
        raise VaultForeign(
            f"The vault lacks its marker {names.MARKER}: its disk may not be mounted, or this is another place. "
            "Nothing was written or removed. Mount the disk or correct PORTAL_VAULT, then try again."
        )
    if found != installation:
        raise VaultForeign(
            f"The vault belongs to another installation ({found[:60]}). Nothing was written or removed. "
            "Give each portal a vault of its own with PORTAL_VAULT."
        )


def check_first(vault: Vault, installation: str) -> None:
    """See, before the first write ever, that it would be taken. Nothing is written.

    Raises:
        VaultForeign: it is another one's, or holds what is nobody's.
        VaultUnreachable
    """
    if installation_of(vault) is None:
        _check_empty(vault)
    else:
        check_marker(vault, installation, may_make=False)


def installation_of(vault: Vault) -> str | None:
    """Whom the marker names; None without a marker. Raises: VaultForeign, VaultUnreachable."""
    try:
        size = vault.size(names.MARKER)
        content = b"".join(vault.stream(names.MARKER, 0, min(size, LONGEST)))
        marker = json.loads(content)
        if marker["format"] != FORMAT:
            raise ValueError
        return str(marker["installation"])
    except StoredMissing:
        return None
    except (ValueError, KeyError, TypeError):
        raise VaultForeign(
            f"The vault's marker {names.MARKER} cannot be read, so it is not known whose vault this is. Nothing was "
            "written or removed. Put the marker back, or set PORTAL_VAULT to an empty place."
        ) from None


def _check_empty(vault: Vault) -> None:
    """Whoever is faster may have marked it meanwhile."""
    folders, files = vault.listdir("")
    if (files or set(folders) - set(NOT_OURS)) and installation_of(vault) is None:
        raise VaultForeign(
            f"The vault is not empty and lacks the marker {names.MARKER}, so what it holds is somebody else's. "
            "Nothing was written. Set PORTAL_VAULT to an empty place."
        )


def _make(vault: Vault, installation: str) -> None:
    """Of several first writes at once one makes it; the others wait for it, then read and compare it."""
    for pause in (*PAUSES, 0):
        _check_empty(vault)
        if not pause:
            vault.discard(names.MARKER)  # a first write that was cut left its beginning
        try:
            _write(vault, installation)
            return
        except (StoredAlready, VaultUnreachable) as error:
            if installation_of(vault) is not None:
                return
            if not pause or not isinstance(error, StoredAlready):
                raise
        time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - so that not all come at once again


def _write(vault: Vault, installation: str) -> None:
    with vault.create(names.MARKER) as writer:
        writer.write(json.dumps({"format": FORMAT, "installation": installation}).encode())
        writer.commit()
