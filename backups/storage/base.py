"""The last backup's manifest as the base of the next: what is unchanged, and what only moved."""

import logging
import struct
import threading
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress

from ..errors import ManifestNotReadable
from .columns import FRAME, FileColumns, FileRecord
from .documents_found import Seen
from .manifest import ManifestReader, ManifestWriter, Reading
from .moves import packs_lost
from .stored import Stored, Tick
from .vault import Vault

logger = logging.getLogger(__name__)

DISTRUSTED_NS = 2 * 10**9
LINE = (1 << 20) - 1
PREFIX = ~LINE & (1 << 64) - 1
HELD_LINES = 4


def sort_key(path: str) -> bytes:
    """Paths ordered by this are in walk order: depth first, names by bytes."""
    return path.encode("utf-8", "surrogateescape").replace(b"/", b"\0")


class Base:
    """The base manifest, read once in the same order as the walk."""

    def __init__(self, reader: ManifestReader, vault: Vault) -> None:
        """Raises: ManifestNotReadable, when there is nothing to build upon."""
        self.reader = reader
        with Reading():
            self.packs = {name: Stored(name, size, sha256) for name, size, sha256 in reader.end["packs"]}
            self._trusted_before = reader.header["walk_started_at_ns"] - DISTRUSTED_NS
        self._lost = packs_lost(vault, self.packs)
        self._lines: Iterator[FileColumns] = reader.file_columns()
        self.columns = FileColumns()
        self._row = 0

    def match(self, path: str) -> int:
        """The row of this path in `columns`, or -1. Paths must come in walk order."""
        key = b""
        while True:
            if self._row == len(self.columns):
                self.columns, self._row = self._next(), 0
                if not len(self.columns):
                    return -1
            there = self.columns.path[self._row]
            if there == path:
                self._row += 1
                return self._row - 1
            key = key or sort_key(path)
            if sort_key(there) > key:
                return -1
            self._row += 1

    def _next(self) -> FileColumns:
        try:
            return next(self._lines, FileColumns())
        except ManifestNotReadable:
            logger.warning("%s cannot be read further; what follows is stored anew", self.reader.name, exc_info=True)
            self.close()
            return FileColumns()

    def close(self) -> None:
        """Let go of the open manifest."""
        self._lines = iter(())

    def is_unchanged(self, row: int, seen: Seen) -> bool:
        """Whether a file need not be read. What was young when the base was made may have changed unseen since."""
        columns = self.columns
        return (
            columns.size[row] == seen.st_size
            and columns.mtime_ns[row] == seen.st_mtime_ns
            and columns.ctime_ns[row] == seen.st_ctime_ns
            and columns.inode[row] == seen.st_ino
            and seen.st_mtime_ns < self._trusted_before
            and seen.st_ctime_ns < self._trusted_before
            and self.is_there(columns.pack[row])
        )

    def is_there(self, pack: int) -> bool:
        """Whether the vault still has a pack: what was lost is stored anew instead of being built upon."""
        return not self._lost or pack < 0 or self.reader.pack_name(pack) not in self._lost


def base_of(reader: ManifestReader | None, vault: Vault) -> Base | None:
    """The base, if there is one that can be read. A damaged one is a reason to store more, not to make no backup."""
    if reader is None:
        return None
    try:
        return Base(reader, vault)
    except ManifestNotReadable:
        logger.warning("%s cannot be read; everything is stored anew", reader.name, exc_info=True)
        return None


class PackNumbers(dict[int, int]):
    """The base's pack numbers as numbers of the manifest that is being written."""

    def __init__(self, reader: ManifestReader, manifest: ManifestWriter) -> None:
        super().__init__({-1: -1})
        self._reader, self._manifest = reader, manifest

    def __missing__(self, number: int) -> int:
        ours = self[number] = self._manifest.number_of(self._reader.pack_name(number))
        return ours


class Moved:
    """Finds content that the base has under another path: eight bytes a file, sorted, and one line to confirm it.

    Once made it may be asked from several threads.
    """

    def __init__(self, base: Base, tick: Tick) -> None:
        self._base = base
        self._buckets = [array("Q") for _ in range(256)]
        self._places = array("Q")
        self._large: set[int] = set()
        self._held: OrderedDict[int, FileColumns] = OrderedDict()
        self._lock = threading.Lock()
        with suppress(ManifestNotReadable):
            for place, columns in base.reader.places():
                if isinstance(columns, FileColumns):
                    self._add(place, columns)
                    tick()
        self._buckets = [array("Q", sorted(bucket)) for bucket in self._buckets]

    def may_have(self, size: int) -> bool:
        """Whether the base has a large file of exactly this size: only then is hashing it first worth while."""
        return size in self._large

    def find(self, sha256: str) -> FileRecord | None:
        """A file of the base with this content, whose pack is still there."""
        prefix = int(sha256[:16], 16) & PREFIX
        bucket = self._buckets[prefix >> 56]
        at = bisect_left(bucket, prefix)
        while at < len(bucket) and bucket[at] & PREFIX == prefix:
            record = self._confirmed(bucket[at] & LINE, sha256)
            if record is not None:
                return record
            at += 1
        return None

    def _add(self, place: int, columns: FileColumns) -> None:
        number = len(self._places)
        if number > LINE:
            return
        self._places.append(place)
        self._large.update(size for size in columns.size if size > FRAME)
        buckets = self._buckets
        for (digest,) in struct.iter_unpack(">Q24x", bytes.fromhex(columns.sha256)):
            buckets[digest >> 56].append(digest & PREFIX | number)

    def _confirmed(self, line: int, sha256: str) -> FileRecord | None:
        columns = self._line(line)
        at = columns.sha256.find(sha256)
        while at >= 0:
            if at % 64 == 0 and self._base.is_there(columns.pack[at // 64]):
                return columns.record(at // 64)
            at = columns.sha256.find(sha256, at + 1)
        return None

    def _line(self, line: int) -> FileColumns:
        with self._lock:
            columns = self._held.get(line)
            if columns is None:
                found = self._base.reader.columns_at(self._places[line])
                assert isinstance(found, FileColumns)
                columns = self._held[line] = found
                if len(self._held) > HELD_LINES:
                    self._held.popitem(last=False)
            self._held.move_to_end(line)
            return columns
