"""Writes zip archives of stored entries: everything is known beforehand, so any range is made without what lies
before it."""

import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from .archive_holdings import DUMP, NAMES, SUMS, Holdings
from .archive_parts import Part, checked, fixed, gathered, join, made
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


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as both headers tell it."""

    name: bytes
    size: int
    crc32: int
    mode: int
    time: int

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
        return TIMES.pack(0x5455, 5, flags, min(max(self.time, EARLIEST), LATEST))


def dos_time(seconds: int) -> tuple[int, int]:
    """Day and time as the oldest readers know them, in UTC, in steps of two seconds."""
    if not DOS_1980 <= seconds < DOS_2108:
        return (33, 0) if seconds < DOS_1980 else (127 << 9 | 12 << 5 | 31, 23 << 11 | 59 << 5 | 29)
    year, month, day, hour, minute, second = time.gmtime(seconds)[:6]
    return year - 1980 << 9 | month << 5 | day, hour << 11 | minute << 5 | second >> 1


class ZipArchive:
    """A zip of what a backup holds. Its length is known at once; nothing is read before it is asked for."""

    is_rangeable = True

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self._small = [self._entry(one.name, len(one.content), zlib.crc32(one.content)) for one in holdings.tail]
        self._front = self._front_parts()
        self._directory_start = sum(part.length for part in self._front)
        self._is_far = self._directory_start >= WIDE
        self._back = self._back_parts()

    @cached_property
    def length(self) -> int:
        return sum(part.length for part in (*self._front, *self._back))

    def stream(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to `stop`. Raises, while read: StoredDiffers, StoredMissing, VaultUnreachable,
        ManifestNotReadable."""
        return gathered(join((*self._front, *self._back), start, self.length if stop is None else stop))

    def _entry(self, name: str, size: int, crc32: int) -> Entry:
        return Entry(name.encode(), size, crc32, MODE, self._holdings.at)

    @cached_property
    def _first(self) -> list[Entry]:
        dump = self._holdings.dump
        return [self._entry(DUMP, dump.size, dump.crc32)] if dump else []

    @cached_property
    def _last(self) -> list[Entry]:
        """What follows the files."""
        lists = ((SUMS, self._holdings.sums), (NAMES, self._holdings.facts.names))
        return [*(self._entry(name, *known) for name, known in lists), *self._small]

    def _front_parts(self) -> list[Part]:
        holdings = self._holdings
        parts = [part for entry in self._first for part in (fixed(entry.header()), self._dump_part(entry))]
        parts.append(Part(holdings.facts.tree_zip_bytes, self._tree))
        contents = [
            made(holdings.sums.length, lambda: checked(holdings.checksums(), holdings.sums.crc32, SUMS)),
            made(holdings.facts.names.length, lambda: checked(holdings.names(), holdings.facts.names.crc32, NAMES)),
            *(fixed(one.content) for one in holdings.tail),
        ]
        for entry, content in zip(self._last, contents, strict=True):
            parts += [fixed(entry.header()), content]
        return parts

    def _dump_part(self, entry: Entry) -> Part:
        return Part(entry.size, self._holdings.dump_content)

    def _back_parts(self) -> list[Part]:
        """The directory: records before the files, theirs, those behind; and the end."""
        facts = self._holdings.facts
        offsets, at = [], 0
        for entry in self._first:
            offsets.append(at)
            at += len(entry.header()) + entry.size
        self._tree_start = at
        at += facts.tree_zip_bytes
        first = b"".join(entry.record(0, is_far=self._is_far) for entry in self._first)
        last = b""
        for entry in self._last:
            last += entry.record(at, is_far=self._is_far)
            at += len(entry.header()) + entry.size
        middle = facts.directory_bytes + _wide_records(facts.entries, facts.wide, is_far=self._is_far)
        size = len(first) + middle + len(last)
        entries = len(self._first) + facts.entries + len(self._last)
        return [fixed(first), Part(middle, self._directory), fixed(last), fixed(self._end(entries, size))]

    def _end(self, entries: int, size: int) -> bytes:
        start, wide = self._directory_start, b""
        if entries >= MANY or size >= WIDE or start >= WIDE:
            numbers = entries, entries, size, start
            wide = END_64.pack(b"PK\6\6", END_64.size - 12, UNIX | VERSION_64, VERSION_64, 0, 0, *numbers)
            wide += LOCATOR.pack(b"PK\6\7", 0, start + size, 1)
        count = min(entries, MANY)
        return wide + END.pack(b"PK\5\6", 0, 0, count, count, min(size, WIDE), min(start, WIDE), 0)

    def _tree(self, start: int, stop: int) -> Iterator[bytes]:
        """Lines of the manifest are passed over by their length, then entries by theirs, then frames."""
        packs, at = self._holdings.packs(), 0
        for rows in self._holdings.rows():
            if at >= stop:
                return
            length = local_bytes(rows)
            if at + length > start:
                for row, entry in enumerate(_entries(rows)):
                    header = entry.header()
                    low, high = start - at, stop - at
                    if low < len(header) + entry.size and high > 0:
                        yield header[max(low, 0) : high]
                        low, high = low - len(header), high - len(header)
                        yield from self._holdings.content(packs, rows, row, low, high)
                    at += len(header) + entry.size
            else:
                at += length

    def _directory(self, start: int, stop: int) -> Iterator[bytes]:
        at, offset = 0, self._tree_start
        for rows in self._holdings.rows():
            if at >= stop:
                return
            length = directory_bytes(rows) + _wide_records(len(rows), wide_count(rows), is_far=self._is_far)
            if at + length > start:
                yield b"".join(self._records(rows, offset))[max(start - at, 0) : stop - at]
            at, offset = at + length, offset + local_bytes(rows)

    def _records(self, rows: Rows, offset: int) -> Iterator[bytes]:
        for entry in _entries(rows):
            yield entry.record(offset, is_far=self._is_far)
            offset += LOCAL.size + len(entry.name) + TIMES.size + entry.size
            offset += WIDE_SIZES.size if entry.size >= WIDE else 0


def _entries(rows: Rows) -> Iterator[Entry]:
    return map(Entry, rows.raw_names, rows.sizes, rows.crcs, rows.modes, rows.times)


def _wide_records(entries: int, wide: int, *, is_far: bool) -> int:
    """How much longer so many records are for sizes and offsets of 64 bits."""
    return wide * (20 + 8 * is_far) + (entries - wide) * 12 * is_far
