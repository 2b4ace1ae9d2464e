"""Streams of known length, cut and gathered: what archives are put together from."""

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ..errors import StoredDiffers

GATHERED = 256 << 10
LARGE = 64 << 10


class Part(NamedTuple):
    """A stretch of an archive: its length in bytes, and a function that makes any range of it."""

    length: int
    make: Callable[[int, int], Iterator[bytes]]


def fixed(content: bytes) -> Part:
    return Part(len(content), lambda start, stop: iter([content[start:stop]]))


def made(length: int, pieces: Callable[[], Iterable[bytes]]) -> Part:
    """A stretch that is cheap to make from its beginning."""
    return Part(length, lambda start, stop: cut(pieces(), start, stop))


def join(parts: Iterable[Part], start: int, stop: int) -> Iterator[bytes]:
    """The bytes from `start` up to `stop` of all parts one after the other; only parts that are needed are made."""
    at = 0
    for part in parts:
        low, high = max(start - at, 0), min(stop - at, part.length)
        at += part.length
        if low < high:
            yield from exactly(part.make(low, high), high - low)


def cut(pieces: Iterable[bytes], start: int, stop: int) -> Iterator[bytes]:
    at = 0
    for piece in pieces:
        if at >= stop:
            return
        wanted = piece[max(start - at, 0) : stop - at]
        at += len(piece)
        if wanted:
            yield wanted


def exactly(pieces: Iterable[bytes], length: int) -> Iterator[bytes]:
    """The same pieces. Raises: StoredDiffers when they are more or less than was foretold."""
    done = 0
    for piece in pieces:
        done += len(piece)
        if done > length:
            break
        yield piece
    if done != length:
        raise StoredDiffers("What is stored is not as long as its list says. Choose another backup.")


def checked(pieces: Iterable[bytes], crc32: int, name: str) -> Iterator[bytes]:
    """The same pieces, the last one only when all together are what was saved. Raises: StoredDiffers."""
    found, held = 0, b""
    for piece in pieces:
        if held:
            yield held
        found, held = zlib.crc32(piece, found), piece
    if found != crc32:
        raise _differs(name)
    if held:
        yield held


def hashed(pieces: Iterable[bytes], sha256: str, name: str) -> Iterator[bytes]:
    """The same, by SHA-256."""
    found, held = hashlib.sha256(), b""
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


def gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that are worth a system call each."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= GATHERED or len(piece) >= LARGE:
            yield b"".join(held) if len(held) > 1 else piece
            held, size = [], 0
    if held:
        yield b"".join(held)
