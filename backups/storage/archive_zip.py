"""Writes zip archives of stored entries: everything is known beforehand, so any range is made without what lies
before it."""

import struct
import time
import zlib
from collections.abc import Generator, Iterable, Iterator
from functools import cached_property, lru_cache
from typing import NamedTuple

from .archive_holdings import DUMP, NAMES, SUMS, Holdings
from .archive_parts import Part, Piece, checked, fixed, gathered, join, made
from .archive_rows import Rows

LOCAL = struct.Struct("<4s5H3L2H")
CENTRAL = struct.Struct("<4s6H3L5H2L")
END = struct.Struct("<4s4H2LH")
END_64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR = struct.Struct("<4sLQL")
TIMES = struct.Struct("<2HBl")
WIDE_SIZES = struct.Struct("<2H2Q")
WIDE, MANY = 0xFFFFFFFF, 0xFFFF
UNIX, VERSION, VERSION_64 = 3 << 8, 20, 45
UTF_8 = 1 << 11
MODE, FOLDER = 0o100644, 0o040000
EARLIEST, LATEST = -(1 << 31), (1 << 31) - 1
DOS_1980, DOS_2108 = 315_532_800, 4_354_819_200


def local_bytes(rows: Rows) -> int:
    """How long these entries are, contents included."""
    fixed_bytes = (LOCAL.size + TIMES.size) * len(rows) + WIDE_SIZES.size * wide_count(rows)
    return fixed_bytes + rows.names_bytes + rows.contents_bytes


def directory_bytes(rows: Rows) -> int:
    """How long the directory's records of these entries are, without what large archives need."""
    return (CENTRAL.size + TIMES.size) * len(rows) + rows.names_bytes


def wide_count(rows: Rows) -> int:
    return sum(size >= WIDE for size in rows.sizes) if rows.largest >= WIDE else 0


class Entry(NamedTuple):
    """One entry as both headers tell it."""

    name: bytes
    size: int
    crc32: int
    mode: int
    time: int

    @property
    def length(self) -> int:
        """Of header and content."""
        wide = WIDE_SIZES.size if self.size >= WIDE else 0
        return LOCAL.size + len(self.name) + wide + TIMES.size + self.size

    def header(self) -> bytes:
        """What stands in front of its content."""
        is_wide = self.size >= WIDE
        size = WIDE if is_wide else self.size
        extra = self._times(1) if not is_wide else WIDE_SIZES.pack(1, 16, self.size, self.size) + self._times(1)
        version = VERSION_64 if is_wide else VERSION
        day, moment = dos_time(self.time)
        lengths = len(self.name), len(extra)
        front = LOCAL.pack(b"PK\3\4", version, UTF_8, 0, moment, day, self.crc32, size, size, *lengths)
        return front + self.name + extra

    def record(self, offset: int, *, is_far: bool) -> bytes:
        """What the directory says; in an archive of 4 GiB and more (`is_far`) all offsets have 64 bits."""
        is_wide = self.size >= WIDE
        size = WIDE if is_wide else self.size
        full = [self.size, self.size] * is_wide + [offset] * is_far
        extra = struct.pack(f"<2H{len(full)}Q", 1, 8 * len(full), *full) if full else b""
        extra += self._times(1)
        version = VERSION_64 if full else VERSION
        day, moment = dos_time(self.time)
        place = WIDE if is_far else offset
        attributes = self.mode << 16 | (0x10 if self.mode & FOLDER else 0)
        lengths = len(self.name), len(extra), 0, 0, 0
        sums = self.crc32, size, size
        front = (b"PK\1\2", UNIX | VERSION_64, version, UTF_8, 0, moment, day)
        return CENTRAL.pack(*front, *sums, *lengths, attributes, place) + self.name + extra

    def _times(self, flags: int) -> bytes:
        is_told = EARLIEST <= self.time <= LATEST
        return TIMES.pack(0x5455, 5, flags, self.time if is_told else min(max(self.time, EARLIEST), LATEST))


def dos_time(seconds: int) -> tuple[int, int]:
    """Day and time as the oldest readers know them, in UTC, in steps of two seconds."""
    if not DOS_1980 <= seconds < DOS_2108:
        return (33, 0) if seconds < DOS_1980 else (127 << 9 | 12 << 5 | 31, 23 << 11 | 59 << 5 | 29)
    days, second = divmod(seconds, 86_400)
    return _dos_day(days), second // 3_600 << 11 | second // 60 % 60 << 5 | second % 60 >> 1


@lru_cache(maxsize=1024)  # neighbours were mostly uploaded on the same few days
def _dos_day(days: int) -> int:
    """So many days after the beginning of 1970."""
    year, month, day = time.gmtime(days * 86_400)[:3]
    return year - 1980 << 9 | month << 5 | day


class ZipArchive:
    """A zip of what a backup holds. Its length is known at once; nothing is read before it is asked for."""

    is_rangeable = True
    stored_as = ""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        entries = self._front_entries()
        self._tree_start = sum(entry.length for entry, _ in entries)
        tree = Part(holdings.facts.tree_zip_bytes, self._tree)
        behind = self._back_entries()
        self._directory_start = self._tree_start + tree.length + sum(entry.length for entry, _ in behind)
        self._is_far = self._directory_start >= WIDE
        directory = self._directory_parts([entry for entry, _ in entries], [entry for entry, _ in behind])
        self._parts = [*_laid_out(entries), tree, *_laid_out(behind), *directory]

    @cached_property
    def length(self) -> int:
        return sum(part.length for part in self._parts)

    def stream(self, start: int = 0, stop: int | None = None) -> Generator[bytes]:
        """The bytes from `start` up to `stop`.

        Raises, while read: StoredDiffers, StoredMissing, VaultUnreachable, ManifestNotReadable.
        """
        return gathered(join(self._parts, start, self.length if stop is None else stop))

    def _entry(self, name: str, size: int, crc32: int) -> Entry:
        return Entry(name.encode(), size, crc32, MODE, self._holdings.at)

    def _front_entries(self) -> list[tuple[Entry, Part]]:
        """What stands before the files."""
        holdings = self._holdings
        if holdings.dump is None:
            return []
        entry = self._entry(DUMP, holdings.dump.size, holdings.dump.crc32)
        return [(entry, Part(entry.size, holdings.dump_content))]

    def _back_entries(self) -> list[tuple[Entry, Part]]:
        """What stands behind the files: the lists, and what may change."""
        holdings, sums, names = self._holdings, self._holdings.sums, self._holdings.facts.names
        lists = [
            (self._entry(SUMS, *sums), made(sums.length, lambda: checked(holdings.checksums(), sums.crc32, SUMS))),
            (self._entry(NAMES, *names), made(names.length, lambda: checked(holdings.names(), names.crc32, NAMES))),
        ]
        small = [
            (self._entry(name, len(content), zlib.crc32(content)), fixed(content)) for name, content in holdings.tail
        ]
        return lists + small

    def _directory_parts(self, before: list[Entry], behind: list[Entry]) -> list[Part]:
        facts = self._holdings.facts
        first = b"".join(self._records(before, 0))
        last = b"".join(self._records(behind, self._tree_start + facts.tree_zip_bytes))
        middle = facts.directory_bytes + _wide_records(facts.entries, facts.wide, is_far=self._is_far)
        end = self._end(len(before) + facts.entries + len(behind), len(first) + middle + len(last))
        return [fixed(first), Part(middle, self._directory), fixed(last), fixed(end)]

    def _end(self, entries: int, size: int) -> bytes:
        start, wide = self._directory_start, b""
        if entries >= MANY or size >= WIDE or start >= WIDE:
            numbers = entries, entries, size, start
            wide = END_64.pack(b"PK\6\6", END_64.size - 12, UNIX | VERSION_64, VERSION_64, 0, 0, *numbers)
            wide += LOCATOR.pack(b"PK\6\7", 0, start + size, 1)
        count = min(entries, MANY)
        return wide + END.pack(b"PK\5\6", 0, 0, count, count, min(size, WIDE), min(start, WIDE), 0)

    def _tree(self, start: int, stop: int) -> Iterator[Piece]:
        """Lines of the manifest are passed over by their length, then entries by theirs, then frames."""
        contents, at = self._holdings.contents(), 0
        for rows in self._holdings.rows():
            if at >= stop:
                return
            length = local_bytes(rows)
            if at + length > start:
                for row, entry in enumerate(_entries(rows)):
                    low, high, whole = start - at, stop - at, entry.length
                    at += whole
                    if low < whole and high > 0:
                        header = entry.header()
                        yield header[max(low, 0) : high]
                        yield from contents.read(rows, row, low - len(header), high - len(header))
            else:
                at += length

    def _directory(self, start: int, stop: int) -> Iterator[Piece]:
        at, offset = 0, self._tree_start
        for rows in self._holdings.rows():
            if at >= stop:
                return
            length = directory_bytes(rows) + _wide_records(len(rows), wide_count(rows), is_far=self._is_far)
            if at + length > start:
                yield b"".join(self._records(_entries(rows), offset))[max(start - at, 0) : stop - at]
            at, offset = at + length, offset + local_bytes(rows)

    def _records(self, entries: Iterable[Entry], offset: int) -> Iterator[bytes]:
        for entry in entries:
            yield entry.record(offset, is_far=self._is_far)
            offset += entry.length


def _entries(rows: Rows) -> Iterator[Entry]:
    return map(Entry, rows.raw_names, rows.sizes, rows.crcs, rows.modes, rows.times)


def _laid_out(entries: Iterable[tuple[Entry, Part]]) -> Iterator[Part]:
    for entry, content in entries:
        yield from (fixed(entry.header()), content)


def _wide_records(entries: int, wide: int, *, is_far: bool) -> int:
    """How much longer so many records are for sizes and offsets of 64 bits."""
    return wide * (20 + 8 * is_far) + (entries - wide) * 12 * is_far
