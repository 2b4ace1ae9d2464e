"""Bytes that are read once, from front to end: the uploaded file itself, or what gzip holds."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from .extract_refusals import refusal

BLOCK = 256 << 10
Beat = Callable[[int, int], object]


class Stream:
    """Subclasses bring the next bytes by `_more()`; nothing means the end. Raises: UploadRefused (truncated)."""

    def __init__(self) -> None:
        self._held, self._at = b"", 0
        self.position = 0

    def _more(self) -> bytes:
        raise NotImplementedError

    def take(self, length: int) -> bytes:
        """Exactly so many bytes."""
        end = self._at + length
        if end > len(self._held):
            return b"".join(self.blocks(length))
        piece = self._held[self._at : end]
        self._at, self.position = end, self.position + length
        return piece

    def blocks(self, length: int) -> Iterator[bytes]:
        """Exactly so many bytes, in pieces."""
        while length:
            piece = self.next_block(length)
            if not piece:
                raise refusal("truncated")
            length -= len(piece)
            yield piece

    def next_block(self, most: int = BLOCK) -> bytes:
        """Whatever comes next; empty at the end."""
        if self._at == len(self._held):
            self._held, self._at = self._more(), 0
        piece = self._held[self._at : self._at + most]
        self._at += len(piece)
        self.position += len(piece)
        return piece

    def give_back(self, length: int) -> None:
        """Unread the last bytes of the last block."""
        assert length <= self._at
        self._at -= length
        self.position -= length

    def is_at_end(self) -> bool:
        is_over = not self.next_block(1)
        if not is_over:
            self.give_back(1)
        return is_over

    def pass_over(self, length: int) -> None:
        exhaust(self.blocks(length))


class Source(Stream):
    """The uploaded file, opened once and hashed as it is read; `peek` looks anywhere without moving.

    `beat` is called with the bytes read and those there are, at every block and by whoever works long on one.
    """

    def __init__(self, file: BinaryIO, beat: Beat) -> None:
        super().__init__()
        self._handle, self._beat = file.fileno(), beat
        self.size = os.fstat(self._handle).st_size
        self._read, self._sum = 0, hashlib.sha256()

    def beat(self) -> None:
        self._beat(self._read, self.size)

    def peek(self, offset: int, length: int) -> bytes:
        return os.pread(self._handle, length, offset)

    def end(self) -> str:
        """Read what is left and give the SHA-256 of the whole. Raises: UploadRefused (changed)."""
        while self.next_block():
            pass
        if os.fstat(self._handle).st_size != self.size or self._read != self.size:
            raise refusal("changed")
        return self._sum.hexdigest()

    def _more(self) -> bytes:
        block = os.pread(self._handle, min(BLOCK, self.size - self._read), self._read)
        self._read += len(block)
        self._sum.update(block)
        self.beat()
        return block


class Span(Stream):
    """A part of the file, looked at beside the reading."""

    def __init__(self, source: Source, start: int, stop: int) -> None:
        super().__init__()
        self._source, self._next, self._stop = source, start, stop

    def _more(self) -> bytes:
        block = self._source.peek(self._next, min(BLOCK, self._stop - self._next))
        self._next += len(block)
        return block


@dataclass(frozen=True)
class Limits:
    """What an archive may be. `unpacked_bytes` is the room there is; the ratio counts beyond `ratio_from_bytes`."""

    unpacked_bytes: int
    entries: int = 1_000_000
    depth: int = 64
    path_bytes: int = 4_096
    part_bytes: int = 255
    ratio: int = 200
    ratio_from_bytes: int = 64 << 20


class Tally:
    """Counts what comes out of an archive while it comes, and stops it at the limits."""

    def __init__(self, limits: Limits, source: Source) -> None:
        self.limits, self.source = limits, source
        self.entries = self.unpacked_bytes = self._inflated_bytes = 0

    def meet_entry(self) -> None:
        self.entries += 1
        self.expect_entries(self.entries)
        self.source.beat()

    def expect_entries(self, count: int) -> None:
        if count > self.limits.entries:
            raise refusal("too-many-entries", limit=self.limits.entries)

    def expect_content(self, length: int) -> None:
        """Content of this length is going to be unpacked."""
        self.unpacked_bytes += length
        if self.unpacked_bytes > self.limits.unpacked_bytes:
            raise refusal("too-large", limit=self.limits.unpacked_bytes)

    def inflate(self, length: int) -> None:
        """So many bytes more came out of what is packed."""
        self._inflated_bytes += length
        is_counted = self._inflated_bytes > self.limits.ratio_from_bytes
        if is_counted and self._inflated_bytes > self.limits.ratio * self.source.size:
            raise refusal("ratio", limit=self.limits.ratio)
        self.source.beat()


@dataclass(slots=True)
class Member:
    """A file or folder of an archive, its name as the archive writes it. The content is read once, in time."""

    name: bytes
    is_folder: bool
    size: int
    content: Iterator[bytes]


def exhaust(pieces: Iterable[bytes]) -> None:
    for _ in pieces:
        pass
