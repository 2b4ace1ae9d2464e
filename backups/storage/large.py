"""Reads one large uploaded file into a pack, one frame being compressed while the next is read."""

import hashlib
import os
import zlib
from collections.abc import Callable
from concurrent.futures import Executor, Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field

from .columns import FRAME
from .packs import PackWriter
from .reading import TRIES, Content, Freezer, Known, Opened, fill, is_same, open_file
from .walk import FoundFile, LeftOut, unreadable

HASHED = 1 << 20


@dataclass(frozen=True)
class Tools:
    """What storing large files needs, one after the other."""

    packs: PackWriter
    freezer: Freezer
    pool: Executor
    tick: Callable[[int], None]
    # One is compressed while the other is filled.
    buffers: list[memoryview] = field(default_factory=lambda: [memoryview(bytearray(FRAME)) for _ in range(2)])


def save_large(
    found: FoundFile, tools: Tools, known: Known, may_be_known: Callable[[int], bool]
) -> Content | LeftOut | None:
    """Store a file of several frames, in one pack. One that the base may have is hashed first.

    When it changed meanwhile it is read again; after three tries it counts as changed. One that only grew is stored
    once and counts as changed.

    Returns LeftOut when it is no regular file any more, None when it vanished. Raises: FilesUnreadable.
    """
    opened = open_file(found)
    if not isinstance(opened, Opened):
        return opened
    try:
        large = _Large(found, opened, tools)
        return (may_be_known(large.seen.st_size) and large.recognised(known)) or large.stored()
    except OSError as error:
        raise unreadable(found.path, error) from error
    finally:
        os.close(opened.file)


class _Large:
    def __init__(self, found: FoundFile, opened: Opened, tools: Tools) -> None:
        self._found, self._tools = found, tools
        self._file, self.seen = opened
        self._buffers = tools.buffers

    def recognised(self, known: Known) -> Content | None:
        """The base's record of the same content, if it has one and the file keeps still."""
        size = self.seen.st_size
        sha256 = self._hash(size)
        record = known(sha256)
        if record is None or record.size != size or not self._is_steady():
            return None
        return Content(self._found, self.seen, size, sha256, known=record)

    def stored(self) -> Content:
        content = self._store()
        for _ in range(TRIES - 1):
            if not content.is_changed or self._is_still(content):
                break
            content = self._store()
        return content

    def _store(self) -> Content:
        """Append its frames to a pack: as many bytes as it has when that begins."""
        os.lseek(self._file, 0, os.SEEK_SET)
        self.seen = os.fstat(self._file)
        content = Content(self._found, self.seen, 0, "", place=self._tools.packs.begin())
        sha256, making = hashlib.sha256(), None
        while content.size < self.seen.st_size:
            self._buffers.reverse()
            wanted = min(FRAME, self.seen.st_size - content.size)
            plain = self._buffers[0][: fill(self._file, self._buffers[0][:wanted])]
            sha256.update(plain)
            content.crc32 = zlib.crc32(plain, content.crc32)
            content.size += len(plain)
            self._append(content, making)
            making = self._tools.pool.submit(self._tools.freezer.freeze_large, plain) if plain else None
            if len(plain) < wanted:
                break
        self._append(content, making)
        self._tools.packs.end()
        content.sha256 = sha256.hexdigest()
        content.is_changed = content.size != self.seen.st_size or not self._is_steady()
        return content

    def _append(self, content: Content, making: Future[list[bytes | memoryview]] | None) -> None:
        if making is None:
            return
        while not making.done():
            wait_for([making], timeout=0.2)
            self._tick(content)
        pieces = making.result()
        content.lengths.append(sum(map(len, pieces)))
        for piece in pieces:
            self._tools.packs.append(piece)
        while not self._tools.packs.wait(0.2):
            self._tick(content)
        self._tick(content)

    def _tick(self, content: Content) -> None:
        self._tools.tick(min(len(content.lengths) * FRAME, self.seen.st_size))

    def _is_still(self, content: Content) -> bool:
        """Whether what was stored are still the first bytes of the file: then it only grew, or was only touched, and
        storing it again would bring nothing."""
        self.seen = content.seen = os.fstat(self._file)
        if self.seen.st_size < content.size or self._hash(content.size) != content.sha256:
            return False
        content.is_changed = self.seen.st_size != content.size or not self._is_steady()
        return True

    def _hash(self, length: int) -> str:
        """SHA-256 of so many first bytes."""
        os.lseek(self._file, 0, os.SEEK_SET)
        sha256 = hashlib.sha256()
        block = self._buffers[0][:HASHED]
        while length > 0 and (count := fill(self._file, block[:length])):
            sha256.update(block[:count])
            length -= count
            self._tools.tick(0)
        return sha256.hexdigest()

    def _is_steady(self) -> bool:
        return is_same(self.seen, os.fstat(self._file))
