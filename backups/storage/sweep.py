"""Removes what a dead attempt stored."""

from uuid import UUID

from . import names
from .notes import newest_notes
from .vault import Vault


def sweep(vault: Vault, environment_id: UUID, backup_id: UUID, attempt: int) -> None:
    """Remove everything that an attempt at a backup stored or began to store: manifest, dump, packs, unfinished writes.

    Only for attempts that nothing was built upon: failed, lost or fenced ones. One that has notes was Completed, or
    was about to be: others may be built upon it, so it stays, for `collect`. Safe to call again, at any time.

    Raises: VaultUnreachable; then what is left is for the next call.
    """
    if newest_notes(vault.listdir(names.backup_folder(environment_id, backup_id, attempt))[1]):
        return
    # The manifest first: without it nothing looks like a backup any more.
    vault.delete(names.manifest(environment_id, backup_id, attempt))
    _remove(vault, names.backup_folder(environment_id, backup_id, attempt))
    _remove(vault, names.packs_folder(environment_id), names.pack_prefix(environment_id, backup_id, attempt))


def _remove(vault: Vault, folder: str, beginning: str = "") -> None:
    for name in vault.unfinished(folder):
        if name.startswith(beginning):
            vault.discard(name)
    for file in vault.listdir(folder)[1]:
        if f"{folder}/{file}".startswith(beginning):
            vault.delete(f"{folder}/{file}")
