"""Reads one large uploaded file into a pack, frame by frame, two frames being compressed at a time."""

import hashlib
import os
import zlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass

from .columns import FRAME
from .packs import PackWriter
from .reading import TRIES, Content, Freezer, Known, is_same, open_file, read_up_to
from .walk import FoundFile, LeftOut, unreadable

AHEAD = 2
HASHED = 1 << 20


@dataclass(frozen=True)
class Tools:
    """What storing a large file needs."""

    packs: PackWriter
    freezer: Freezer
    pool: Executor
    tick: Callable[[int], None]


def save_large(
    found: FoundFile, tools: Tools, known: Known, may_be_known: Callable[[int], bool]
) -> Content | LeftOut | None:
    """Store a file of several frames, in one pack. One that the base may have is hashed first.

    When it changed meanwhile it is read again; after three tries it counts as changed. One that only grew is stored
    once and counts as changed.

    Returns LeftOut when it is no regular file any more, None when it vanished. Raises: FilesUnreadable.
    """
    file = open_file(found)
    if not isinstance(file, int):
        return file
    try:
        large = _Large(found, file, tools)
        return (may_be_known(large.seen.st_size) and large.recognised(known)) or large.stored()
    except OSError as error:
        raise unreadable(found.path, error) from error
    finally:
        os.close(file)


class _Large:
    def __init__(self, found: FoundFile, file: int, tools: Tools) -> None:
        self._found, self._file, self._tools = found, file, tools
        self.seen = os.fstat(file)

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
        sha256, crc32, size, making = hashlib.sha256(), 0, 0, deque[Future[bytes]]()
        content = Content(self._found, self.seen, 0, "", place=self._tools.packs.begin())
        while size < self.seen.st_size:
            wanted = min(FRAME, self.seen.st_size - size)
            plain = read_up_to(self._file, wanted)
            making.append(self._tools.pool.submit(self._tools.freezer.freeze, plain))
            sha256.update(plain)
            crc32 = zlib.crc32(plain, crc32)
            size += len(plain)
            if len(plain) < wanted:
                break
            del plain
            while len(making) >= AHEAD:
                self._append(content, making.popleft())
        while making:
            self._append(content, making.popleft())
        self._tools.packs.end()
        content.size, content.sha256, content.crc32 = size, sha256.hexdigest(), crc32
        content.is_changed = size != self.seen.st_size or not self._is_steady()
        return content

    def _append(self, content: Content, future: Future[bytes]) -> None:
        while not future.done():
            wait_for([future], timeout=0.2)
            self._tick(content)
        frame = future.result()
        content.lengths.append(len(frame))
        self._tools.packs.append(frame)
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
        while length > 0 and (block := read_up_to(self._file, min(HASHED, length))):
            sha256.update(block)
            length -= len(block)
            self._tools.tick(0)
        return sha256.hexdigest()

    def _is_steady(self) -> bool:
        return is_same(self.seen, os.fstat(self._file))
