"""Writes .tar.gz archives: GNU tar headers, and gzip with stored blocks, so that the length is known beforehand."""

import stat
import struct
import zlib
from collections.abc import Generator, Iterable, Iterator
from functools import cached_property

from .archive_holdings import DUMP, NAMES, SUMS, Holdings
from .archive_parts import Piece, checked, exactly, gathered
from .archive_rows import Rows

BLOCK = 512
HEADER = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s183x")
SHORT_NAME = 100
MAGIC = b"ustar  \0"
FILE, FOLDER, LONG_NAME = b"0", b"5", b"L"
LINK_NAME = b"././@LongLink"
MODE = stat.S_IFREG | 0o644
END = bytes(2 * BLOCK)

STORED = 65_535
JOINED = 8 * STORED
GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


def tar_bytes(rows: Rows) -> int:
    """How long these entries are in a tar, headers and padding included."""
    length = BLOCK * len(rows) + sum([(size + BLOCK - 1) & -BLOCK for size in rows.sizes])
    if max(map(len, rows.raw_names), default=0) > SHORT_NAME:
        length += sum(2 * BLOCK + len(name) // BLOCK * BLOCK for name in rows.raw_names if len(name) > SHORT_NAME)
    return length


def gzip_bytes(length: int) -> int:
    """How long so many bytes are in gzip's stored blocks."""
    return len(GZIP_HEAD) + length + 5 * -(-length // STORED) + 8


def header(name: bytes, mode: int, size: int, time: int, uid: int = 0, gid: int = 0) -> bytes:
    """What stands in front of a member; a long name has a member of its own before it."""
    long = b""
    if len(name) > SHORT_NAME:
        long = _header(LINK_NAME, LONG_NAME, 0o644, len(name) + 1, 0) + name + bytes(BLOCK - len(name) % BLOCK)
    kind = FOLDER if stat.S_ISDIR(mode) else FILE
    return long + _header(name[:SHORT_NAME], kind, stat.S_IMODE(mode), size, time, uid, gid)


def _header(name: bytes, kind: bytes, mode: int, size: int, time: int, uid: int = 0, gid: int = 0) -> bytes:
    numbers = _number(mode, 8), _number(uid, 8), _number(gid, 8), _number(size, 12), _number(max(time, 0), 12)
    block = HEADER.pack(name, *numbers, b" " * 8, kind, b"", MAGIC, b"", b"")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _number(value: int, width: int) -> bytes:
    """Octal digits, or, where they do not suffice, the bytes of the number behind a mark."""
    if value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    return b"\x80" + value.to_bytes(width - 1, "big")


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


class TarArchive:
    """A .tar.gz of what a backup holds. Its length is known at once; it has to be read from its beginning."""

    is_rangeable = False
    stored_as = ""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings

    @cached_property
    def length(self) -> int:
        return gzip_bytes(self._plain_bytes)

    def stream(self, start: int = 0, stop: int | None = None) -> Generator[bytes]:
        """All bytes; another range is refused (ValueError). Raises, while read: as ZipArchive."""
        if start or stop not in (None, self.length):
            raise ValueError("A .tar.gz has no ranges.")
        return _gzip(exactly(gathered(self._members()), self._plain_bytes), self._plain_bytes)

    @cached_property
    def _plain_bytes(self) -> int:
        holdings, facts = self._holdings, self._holdings.facts
        sizes = [holdings.sums.length, facts.names.length, *(len(one.content) for one in holdings.tail)]
        sizes += [holdings.dump.size] if holdings.dump else []
        return facts.tree_tar_bytes + sum(BLOCK + size + -size % BLOCK for size in sizes) + len(END)

    def _members(self) -> Iterator[Piece]:
        holdings, names = self._holdings, self._holdings.facts.names
        if holdings.dump:
            yield from self._member(DUMP, holdings.dump.size, holdings.dump_content(0, holdings.dump.size))
        yield from self._tree()
        sums = checked(holdings.checksums(), holdings.sums.crc32, SUMS)
        yield from self._member(SUMS, holdings.sums.length, sums)
        yield from self._member(NAMES, names.length, checked(holdings.names(), names.crc32, NAMES))
        for name, content in holdings.tail:
            yield from self._member(name, len(content), [content])
        yield END

    def _member(self, name: str, size: int, content: Iterable[Piece]) -> Iterator[Piece]:
        yield header(name.encode(), MODE, size, self._holdings.at)
        yield from exactly(content, size)
        yield _padding(size)

    def _tree(self) -> Iterator[Piece]:
        contents = self._holdings.contents()
        for rows in self._holdings.rows():
            members = zip(rows.raw_names, rows.modes, rows.sizes, rows.times, rows.uids, rows.gids, strict=True)
            for row, (name, mode, size, *rest) in enumerate(members):
                yield header(name, mode, size, *rest)
                yield from contents.read(rows, row)
                yield _padding(size)


def _gzip(pieces: Iterable[Piece], length: int) -> Generator[bytes]:
    yield GZIP_HEAD
    crc32, left, held = 0, length, bytearray()
    for piece in pieces:
        crc32 = zlib.crc32(piece, crc32)
        held += piece
        while len(held) >= JOINED:
            left -= JOINED
            yield _blocks(held[:JOINED], is_last=not left)
            del held[:JOINED]
    if held:
        yield _blocks(held, is_last=True)
    yield struct.pack("<2L", crc32, length & 0xFFFFFFFF)


def _blocks(content: bytearray, *, is_last: bool) -> bytes:
    """Stored blocks of at most 65,535 bytes each."""
    parts: list[bytes | memoryview] = []
    view = memoryview(content)
    for at in range(0, len(view), STORED):
        block = view[at : at + STORED]
        is_final = is_last and at + STORED >= len(view)
        parts += [struct.pack("<B2H", is_final, len(block), len(block) ^ 0xFFFF), block]
    return b"".join(parts)
