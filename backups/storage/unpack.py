"""A backup's uploaded files, out of their packs and into a folder, each compared with its SHA-256 on the way."""

import hashlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from ..errors import StoredDiffers
from .columns import FileRecord
from .documents import Beat
from .documents_store import FilesWriter
from .manifest import ManifestReader
from .packs import PackReader


class Unpacked(NamedTuple):
    """What was written: files, and their bytes."""

    files: int
    size: int


def unpack(manifest: ManifestReader, packs: PackReader, into: FilesWriter, *, beat: Beat) -> Unpacked:
    """Write every file and folder of a manifest, with their modes, times and headers where those can be kept.

    Memory is flat. What was written before an error stays and is the caller's to remove.

    Raises:
        StoredDiffers, StoredMissing, VaultUnreachable, ManifestNotReadable, UnpackFailed.
    """
    count, size = 0, 0
    total = int(manifest.end["files_bytes"])
    for record in manifest.files():
        pack = manifest.pack_name(record.pack) if record.size else ""
        content = _checked(packs.content(pack, record), record, partial(_beat_on, beat, size, total))
        into.write_file(
            os.fsencode(record.path),
            content,
            mode=record.mode & 0o7777,
            mtime_ns=record.mtime_ns,
            headers=record.headers,
        )
        count, size = count + 1, size + record.size
    for folder in manifest.folders():
        into.make_folder(os.fsencode(folder.path))
    for folder in manifest.folders():
        into.finish_folder(os.fsencode(folder.path), folder.mode & 0o7777, folder.mtime_ns)
    if (count, size) != (manifest.end["files_count"], total):
        raise StoredDiffers(
            f"The backup's list names {count} files and says that it holds {manifest.end['files_count']}."
        )
    return Unpacked(count, size)


def _beat_on(beat: Beat, before: int, total: int, done: int) -> None:
    beat(before + done, total)


def _checked(pieces: Iterator[bytes], record: FileRecord, told: Callable[[int], None]) -> Iterator[bytes]:
    """The same pieces; an error at their end when they are not what was saved."""
    sha256, done = hashlib.sha256(), 0
    for piece in pieces:
        sha256.update(piece)
        done += len(piece)
        yield piece
        told(done)
    if sha256.hexdigest() != record.sha256:
        raise StoredDiffers(
            f"{record.path!a} in the vault is not what was saved: its SHA-256 differs. Nothing was changed. "
            "Choose another backup, and look at the vault's disk."
        )
