"""A round trip: a tree into a vault, and out of it again."""

import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

from backups.storage import names
from backups.storage.columns import FileRecord
from backups.storage.documents import DocumentsSaved, save_documents
from backups.storage.documents_store import DocumentsStore, store_of
from backups.storage.manifest import ManifestReader, ManifestWriter, Sums
from backups.storage.moves import confirm_packs
from backups.storage.packs import PackReader, PackWriter
from backups.storage.stored import read_back
from backups.storage.vault import Vault
from environments.files_address import FilesAddress

ENVIRONMENT = UUID("11111111-2222-3333-4444-555555555555")


@dataclass
class Kept:
    """One backup in the vault."""

    backup: UUID
    saved: DocumentsSaved
    reader: ManifestReader

    def stored_names(self) -> set[str]:
        return {one.name for one in self.saved.packs}


def quiet(done: int, total: int | None) -> None:
    """A beat that nobody hears."""


def files_in(root: Path) -> DocumentsStore:
    """A directory as the store of uploaded files."""
    return store_of(FilesAddress(path=str(root)))


def keep(
    root: Path | DocumentsStore,
    vault: Vault,
    base: Kept | None = None,
    *,
    beat: Callable[[int, int | None], None] = quiet,
    backup: UUID | None = None,
    limit: int = 64 << 20,
    sums: Sums | None = None,
    is_trusted: bool = True,
) -> Kept:
    """Back up a tree as the create operation does, without the database.

    `is_trusted` lets a backup made upon this one trust files although they were written just now: nobody waits here.
    """
    backup = backup or uuid4()
    header = {"backup": str(backup)} | ({"walk_started_at_ns": time.time_ns() + 60 * 10**9} if is_trusted else {})
    place = (ENVIRONMENT, backup, 1)
    with (
        PackWriter(vault, partial(names.pack, *place), limit=limit) as packs,
        ManifestWriter(vault, names.manifest(*place), header) as manifest,
    ):
        reader = ManifestReader(vault, base.reader.name) if base else None
        source = files_in(root) if isinstance(root, Path) else root
        saved = save_documents(source, vault=vault, base=reader, packs=packs, manifest=manifest, sums=sums, beat=beat)
        stored = manifest.finish(saved.as_end())
        read_back(vault, stored)
        confirm_packs(vault, saved.packs)
    return Kept(backup, saved, ManifestReader(vault, names.manifest(*place)))


def contents(vault: Vault, kept: Kept) -> dict[bytes, bytes | None]:
    """What the vault holds of a tree: the bytes of each file, None for each folder, by path."""
    packs = PackReader(vault)
    found: dict[bytes, bytes | None] = {as_bytes(folder.path): None for folder in kept.reader.folders()}
    for file in kept.reader.files():
        name = kept.reader.pack_name(file.pack) if file.size else ""
        found[as_bytes(file.path)] = b"".join(packs.content(name, file))
    return found


def tree(root: Path) -> dict[bytes, bytes | None]:
    """The same of a directory, links and the like left out."""
    found: dict[bytes, bytes | None] = {}
    for path in root.rglob("*"):
        if not path.is_symlink() and (path.is_dir() or path.is_file()):
            found[os.fsencode(path.relative_to(root))] = path.read_bytes() if path.is_file() else None
    return found


def noise(length: int, seed: int = 0) -> bytes:
    """Bytes that no compression helps, the same each time."""
    return random.Random(seed).randbytes(length)


def as_bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def rows(kept: Kept) -> dict[str, FileRecord]:
    return {row.path: row for row in kept.reader.files()}


def everything(vault: Vault, folder: str = "") -> set[str]:
    """All names in a vault, unfinished ones marked."""
    folders, files = vault.listdir(folder)
    prefix = f"{folder}/" if folder else ""
    found = {prefix + name for name in files}
    found |= {f"unfinished {name}" for name in vault.unfinished(folder)}
    for name in folders:
        found |= everything(vault, prefix + name)
    return found


def threads() -> set[str]:
    """Names of the threads that storage may have left."""
    return {one.name for one in threading.enumerate() if one.name.startswith(("packs", "documents", "vault"))}
