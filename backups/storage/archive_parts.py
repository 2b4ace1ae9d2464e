"""Streams of known length, cut and gathered: what archives are put together from."""

import hashlib
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from typing import NamedTuple

from ..errors import StoredDiffers

GATHERED = 256 << 10
AHEAD = 4

Piece = bytes | memoryview


class Part(NamedTuple):
    """A stretch of an archive: its length in bytes, and a function that makes any range of it."""

    length: int
    make: Callable[[int, int], Iterator[Piece]]


def fixed(content: bytes) -> Part:
    return Part(len(content), lambda start, stop: iter([content[start:stop]]))


def made(length: int, pieces: Callable[[], Iterable[Piece]]) -> Part:
    """A stretch that is cheap to make from its beginning."""
    return Part(length, lambda start, stop: cut(pieces(), start, stop))


def join(parts: Iterable[Part], start: int, stop: int) -> Iterator[Piece]:
    """The bytes from `start` up to `stop` of all parts one after the other; only parts that are needed are made."""
    at = 0
    for part in parts:
        low, high = max(start - at, 0), min(stop - at, part.length)
        at += part.length
        if low < high:
            yield from exactly(part.make(low, high), high - low)


def cut(pieces: Iterable[Piece], start: int, stop: int) -> Iterator[Piece]:
    at = 0
    for piece in pieces:
        if at >= stop:
            return
        wanted = piece[max(start - at, 0) : stop - at]
        at += len(piece)
        if wanted:
            yield wanted


def exactly(pieces: Iterable[Piece], length: int) -> Iterator[Piece]:
    """The same pieces. Raises: StoredDiffers when they are more or less than was foretold."""
    done = 0
    for piece in pieces:
        done += len(piece)
        if done > length:
            break
        yield piece
    if done != length:
        raise StoredDiffers("What is stored is not as long as its list says. Choose another backup.")


def checked(pieces: Iterable[Piece], crc32: int, name: str) -> Iterator[Piece]:
    """The same pieces, the last one only when all together are what was saved. Raises: StoredDiffers."""
    found = 0
    held: Piece = b""
    for piece in pieces:
        if held:
            yield held
        found, held = zlib.crc32(piece, found), piece
    if found != crc32:
        raise _differs(name)
    if held:
        yield held


def hashed(pieces: Iterable[Piece], sha256: str, name: str) -> Iterator[Piece]:
    """The same, by SHA-256."""
    found = hashlib.sha256()
    held: Piece = b""
    for piece in pieces:
        if held:
            yield held
        found.update(piece)
        held = piece
    if found.hexdigest() != sha256:
        raise _differs(name)
    if held:
        yield held


def _differs(name: str) -> StoredDiffers:
    return StoredDiffers(f"{name!a} in the vault is not what was saved. Choose another backup, and look at the vault.")


def gathered(pieces: Iterable[Piece]) -> Generator[bytes]:
    """The same bytes in pieces that are worth a system call each; the first comes at once."""
    held: list[Piece] = []
    size, enough = 0, 1
    for piece in pieces:
        if size and len(piece) >= GATHERED:
            yield b"".join(held)
            held, size = [], 0
        held.append(piece)
        size += len(piece)
        if size >= enough:
            yield piece if size == len(piece) and isinstance(piece, bytes) else b"".join(held)
            held, size, enough = [], 0, GATHERED
    if held:
        yield b"".join(held)


def ahead(pieces: Generator[bytes]) -> Iterator[bytes]:
    """The same pieces; the next few are made in a thread of their own while those before them are taken.

    The first comes at once. When one fails, the few made with it do not come either. Nothing goes on behind whoever
    stops early.
    """
    with closing(pieces), ThreadPoolExecutor(1, thread_name_prefix="ahead") as beside:
        coming = beside.submit(_next, pieces, 1)
        while made := coming.result():
            coming = beside.submit(_next, pieces, AHEAD)
            yield from made


def _next(pieces: Iterator[bytes], count: int) -> list[bytes]:
    return list(islice(pieces, count))
