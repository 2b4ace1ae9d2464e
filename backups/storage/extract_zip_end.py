"""Finds the end of a zip, and with it the one directory of it that counts."""

import struct
from dataclasses import dataclass

from ..errors import UploadRefused
from .extract_refusals import refusal
from .extract_stream import Source

END = struct.Struct("<4s4H2LH")
LOCATOR = struct.Struct("<4sLQL")
END_64 = struct.Struct("<4sQ2H2L4Q")
LONGEST_COMMENT = 65_535
SHORTEST_ENTRY = 46
MARK, MARK_64, MARK_LOCATOR = b"PK\5\6", b"PK\6\6", b"PK\6\7"
MARKS = (MARK, MARK_64, MARK_LOCATOR, b"PK\1\2", b"PK\3\4")


@dataclass(frozen=True)
class Directory:
    """Where the list of all entries stands in the file, and how many it says it has."""

    entries: int
    start: int
    stop: int


def find_directory(source: Source) -> Directory:
    """The directory that reaches exactly to the end blocks, which reach exactly to the end of the file.

    Raises: UploadRefused (truncated, no-end, junk-after, two-ends, many-parts, malformed, junk-before, junk-inside).
    """
    at = _find_end(source)
    stop, said = _widen(source, at, END.unpack(source.peek(at, END.size))[1:7])
    disk, start_disk, entries_here, entries, length, start = said
    if disk or start_disk or entries_here != entries:
        raise refusal("many-parts")
    if start + length > stop or entries * SHORTEST_ENTRY > length:
        raise refusal("malformed")
    if start + length < stop:
        raise refusal("junk-before")
    return Directory(entries, start, stop)


def has_end(source: Source) -> bool:
    """Whether the file ends as a zip does, whatever its beginning is."""
    try:
        _find_end(source)
    except UploadRefused:
        return False
    return True


def _find_end(source: Source) -> int:
    """Where the end block begins: the only one that reaches the end of the file, its comment free of any mark."""
    first = max(0, source.size - END.size - LONGEST_COMMENT)
    tail = source.peek(first, source.size - first)
    at, reaching, last = tail.find(MARK), [], 0
    while 0 <= at <= len(tail) - END.size:
        last = at + END.size + int.from_bytes(tail[at + 20 : at + 22], "little")
        reaching += [at] if last == len(tail) else []
        at = tail.find(MARK, at + 1)
    if not reaching:
        raise refusal("no-end" if not last else "truncated" if last > len(tail) else "junk-after")
    comment = tail[reaching[0] + END.size :]
    if any(mark in comment for mark in MARKS):
        raise refusal("two-ends")
    return first + reaching[0]


def _widen(source: Source, end: int, said: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """Where the directory has to stop, and what the larger end block of zip64 says instead, if there is one."""
    locator = source.peek(end - LOCATOR.size, LOCATOR.size) if end >= LOCATOR.size else b""
    if not locator.startswith(MARK_LOCATOR):
        return end, said
    _, disk, at, disks = LOCATOR.unpack(locator)
    if disk or disks > 1:
        raise refusal("many-parts")
    if at + END_64.size != end - LOCATOR.size:
        raise refusal("junk-before" if at + END_64.size < end - LOCATOR.size else "malformed")
    mark, length, _, _, *wide = END_64.unpack(source.peek(at, END_64.size))
    if mark != MARK_64 or length != END_64.size - 12:
        raise refusal("malformed")
    for narrow, full, most in zip(said, wide, (0xFFFF,) * 4 + (0xFFFFFFFF,) * 2, strict=True):
        if narrow not in (full, most):
            raise refusal("headers-differ")
    return at, tuple(wide)
