"""Archives: what a person takes home, made from the vault while it streams."""

import zlib
from collections.abc import Generator, Mapping
from typing import Any, Protocol

from .archive_holdings import (
    METADATA,
    README,
    Facts,
    Holdings,
    Known,
    Small,
    dump_line,
    dump_pieces,
    stored_dump,
)
from .archive_parts import gathered
from .archive_readme import metadata_json, readme_text
from .archive_rows import Rows, checksum_lines, name_pairs, rows_of
from .archive_tar import TarArchive, tar_bytes
from .archive_zip import ZipArchive, directory_bytes, local_bytes, wide_count
from .columns import FileColumns, FolderColumns
from .manifest import ManifestReader, Reading
from .stored import Stored
from .vault import Vault

FORM = 1
"""Goes up when archives of the same backup become other bytes: facts of another form are computed anew."""


class Archive(Protocol):
    """Bytes whose number is known before the first of them is made."""

    is_rangeable: bool
    stored_as: str
    """The name in the vault of the very bytes; empty where they are composed on the way."""

    @property
    def length(self) -> int: ...

    def stream(self, start: int = 0, stop: int | None = None) -> Generator[bytes]:
        """The bytes from `start` up to `stop`, never fewer without an error.

        Raises, while read: StoredDiffers, StoredMissing, VaultUnreachable, ManifestNotReadable.
        """


class DumpArchive:
    """The dump itself. With `is_checked` the last piece of the whole comes only when its SHA-256 fits."""

    is_rangeable = True

    def __init__(self, vault: Vault, dump: Stored, *, is_checked: bool) -> None:
        self._vault, self._dump, self._is_checked = vault, dump, is_checked
        self.stored_as = dump.name

    @property
    def length(self) -> int:
        return self._dump.size

    def stream(self, start: int = 0, stop: int | None = None) -> Generator[bytes]:
        end = self.length if stop is None else stop
        return gathered(dump_pieces(self._vault, self._dump, start, end, is_checked=self._is_checked))


class ArchiveSums:
    """Computes along while a manifest is written: how long its archives will be, and the sums of their lists.

    Feed it every line of rows in order; it holds a few numbers.
    """

    def __init__(self) -> None:
        self._entries = self._wide = self._local = self._directory = self._tar = 0
        self._sums, self._names = Known(0, 0), Known(1, zlib.crc32(b"{"))

    def add_files(self, columns: FileColumns) -> None:
        self._add(rows_of(columns))

    def add_folders(self, columns: FolderColumns) -> None:
        self._add(rows_of(columns))

    def end(self, dump: Stored) -> dict[str, Any]:
        """The facts, fit for JSON. `dump` is what was stored of the database."""
        return {
            "form": FORM,
            "entries": self._entries,
            "wide": self._wide,
            "tree_zip_bytes": self._local,
            "directory_bytes": self._directory,
            "tree_tar_bytes": self._tar,
            "sums": self._sums,
            "sums_with_dump": _after(self._sums, dump_line(dump)),
            "names": _after(self._names, b"}"),
        }

    def _add(self, rows: Rows) -> None:
        self._entries += len(rows)
        self._wide += wide_count(rows)
        self._local += local_bytes(rows)
        self._directory += directory_bytes(rows)
        self._tar += tar_bytes(rows)
        self._sums = _after(self._sums, checksum_lines(rows))
        for pair in name_pairs(rows):
            self._names = _after(self._names, (b",\n" if self._names.length > 1 else b"\n") + pair)


def _after(known: Known, more: bytes) -> Known:
    return Known(known.length + len(more), zlib.crc32(more, known.crc32))


def archive_of(
    vault: Vault,
    manifest: ManifestReader,
    *,
    has_dump: bool,
    is_tar: bool,
    is_checked: bool,
    at: int,
    about: Mapping[str, Any],
    filename: str,
) -> tuple[Archive, bytes]:
    """The archive of a backup, and its changeable part, which belongs into the ETag.

    With `is_checked` whatever is read whole is compared with its sums on the way: a .tar.gz always is, because its
    readers could not tell.

    `about` is what `.metadata` says; `at` the time in seconds of all entries that are not uploaded files. Only the end
    of the manifest is read here.

    Raises: ManifestNotReadable, StoredMissing, VaultUnreachable.
    """
    dump = stored_dump(manifest)
    facts = _facts(manifest, dump)
    tail = (
        Small(METADATA, metadata_json(FORM, about)),
        Small(README, readme_text(about, filename, has_dump=has_dump, has_written_names=facts.has_written_names)),
    )
    holdings = Holdings(vault, manifest, facts, dump if has_dump else None, at, tail, is_checked or is_tar)
    archive = TarArchive(holdings) if is_tar else ZipArchive(holdings)
    return archive, b"".join(one.content for one in tail)


def _facts(manifest: ManifestReader, dump: Stored) -> Facts:
    """As stored; computed from the rows where they are of another form."""
    with Reading():
        stored = manifest.end.get("archives") or {}
        if stored.get("form") == FORM:
            return Facts.of(stored)
    sums = ArchiveSums()
    for columns in manifest.columns():
        if isinstance(columns, FileColumns):
            sums.add_files(columns)
        else:
            sums.add_folders(columns)
    return Facts.of(sums.end(dump))
