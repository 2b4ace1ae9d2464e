"""What the vault alone tells of the backups that lie in it: read by whoever brings the catalogue back."""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from ..errors import NotesNotReadable, StoredMissing
from . import names
from .manifest import ManifestReader, Reading
from .notes import newest_notes, read_notes
from .vault import Vault

ENVIRONMENTS = "environments"


class Shelved(NamedTuple):
    """A finished backup in the vault: which attempt made it, and the number of its newest notes (0: it has none)."""

    environment: UUID
    backup: UUID
    attempt: int
    notes: int

    @property
    def folder(self) -> str:
        return names.backup_folder(self.environment, self.backup, self.attempt)


class Told(NamedTuple):
    """What manifest and notes of a backup say; `notes` is empty where there are none, or none that can be read."""

    header: dict[str, Any]
    end: dict[str, Any]
    notes: dict[str, Any]
    manifest_bytes: int
    manifest_sha256: str
    remark: str = ""


def environments_in(vault: Vault) -> list[UUID]:
    """The environments of which anything lies in the vault. Raises: VaultUnreachable."""
    return [found for name in vault.listdir(ENVIRONMENTS)[0] if (found := _identity(name))]


def shelved_in(vault: Vault, environment: UUID) -> Iterator[list[Shelved]]:
    """The finished attempts of each backup, the likeliest first: those with notes, then the latest.

    Attempts without a manifest are under way, or came to nothing. Raises: VaultUnreachable.
    """
    folder, attempts = names.backups_folder(environment), dict[UUID, list[int]]()
    for name in vault.listdir(folder)[0]:
        backup, _, attempt = name.rpartition(".")
        if (identity := _identity(backup)) and attempt.isdecimal():
            attempts.setdefault(identity, []).append(int(attempt))
    for backup_id, numbers in attempts.items():
        found = [one for number in numbers if (one := _shelved(vault, environment, backup_id, number))]
        if found:
            yield sorted(found, key=lambda one: (one.notes > 0, one.attempt), reverse=True)


def tell(vault: Vault, one: Shelved) -> Told:
    """Read what manifest and notes say.

    Raises: ManifestNotReadable: it is damaged, or another's; StoredMissing: it is gone; VaultUnreachable.
    """
    manifest = ManifestReader(vault, f"{one.folder}/{names.MANIFEST}")
    with Reading():
        size = vault.size(manifest.name)
        header, end = manifest.header, manifest.end
        told = (header["backup"], header["environment_id"], header["attempt"])
        if told != (str(one.backup), str(one.environment), one.attempt):
            raise ValueError("it tells of another backup")
    notes, remark = _notes(vault, one)
    if notes:
        return Told(header, end, notes, size, "")
    sha256 = hashlib.sha256()
    for block in vault.stream(manifest.name):
        sha256.update(block)
    return Told(header, end, {}, size, sha256.hexdigest(), remark)


def header_of(vault: Vault, environment: UUID, backup: UUID, attempt: int) -> dict[str, Any]:
    """Raises: ManifestNotReadable, StoredMissing, VaultUnreachable."""
    return ManifestReader(vault, names.manifest(environment, backup, attempt)).header


def is_gone(vault: Vault, environment: UUID, backup: UUID, attempt: int) -> bool:
    """Whether a backup has no manifest any more. Raises: VaultUnreachable."""
    return not vault.exists(names.manifest(environment, backup, attempt))


def _shelved(vault: Vault, environment: UUID, backup: UUID, attempt: int) -> Shelved | None:
    files = vault.listdir(names.backup_folder(environment, backup, attempt))[1]
    return Shelved(environment, backup, attempt, newest_notes(files)) if names.MANIFEST in files else None


def _notes(vault: Vault, one: Shelved) -> tuple[dict[str, Any], str]:
    """The newest notes, and what is to be remarked of them."""
    try:
        return (read_notes(vault, one.folder, one.notes) if one.notes else {}), ""
    except (NotesNotReadable, StoredMissing) as error:
        return {}, f"{error} Comment, pin and condition are as they were when the backup was made."


def _identity(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None
