"""Reads one large uploaded file into a pack, one frame being compressed while the next is read."""

import hashlib
import mmap
import zlib
from collections.abc import Callable
from concurrent.futures import Executor, Future
from concurrent.futures import wait as wait_for
from contextlib import suppress
from dataclasses import dataclass, field

from .columns import FRAME
from .documents_found import ChangedMeanwhile, LeftOut, OpenedFile, Readable, always_changing, unreadable
from .packs import PackWriter
from .reading import PIECE, TRIES, Content, Freezer, Known, is_same, open_file

HASHED = 1 << 20
PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


@dataclass(frozen=True)
class Tools:
    """What storing large files needs, one after the other."""

    packs: PackWriter
    freezer: Freezer
    pool: Executor
    tick: Callable[[int], None]
    # One is compressed while the other is filled. What of them is never filled costs nothing.
    buffers: list[memoryview] = field(
        default_factory=lambda: [memoryview(mmap.mmap(-1, FRAME, flags=PRIVATE)) for _ in range(2)]
    )


def save_large(
    found: Readable, tools: Tools, known: Known, may_be_known: Callable[[int], bool]
) -> Content | LeftOut | None:
    """Store a file of several frames, in one pack. One that the base may have is hashed first.

    When it changed meanwhile it is read again; after three tries it counts as changed. One that only grew is stored
    once and counts as changed.

    Returns LeftOut when it is no regular file any more, None when it vanished. Raises: FilesUnreadable.
    """
    for _ in range(TRIES):
        with suppress(ChangedMeanwhile):
            opened = open_file(found)
            if opened is None or isinstance(opened, LeftOut):
                return opened
            try:
                large = _Large(found, opened, tools)
                return (may_be_known(large.seen.st_size) and large.recognised(known)) or large.stored()
            except OSError as error:
                raise unreadable(found.path, error) from error
            finally:
                opened.close()
    raise always_changing(found.path)


class _Large:
    def __init__(self, found: Readable, opened: OpenedFile, tools: Tools) -> None:
        self._found, self._tools = found, tools
        self._file, self.seen = opened, opened.seen
        self._buffers = tools.buffers

    def recognised(self, known: Known) -> Content | None:
        """The base's record of the same content, if it has one and the file keeps still."""
        size = self.seen.st_size
        sha256 = self._hash(size)
        record = known(sha256)
        if record is None or record.size != size or not self._is_steady():
            return None
        return Content(self._found, self.seen, size, sha256, known=record, headers=self._file.headers)

    def stored(self) -> Content:
        content = self._store()
        for _ in range(TRIES - 1):
            if not content.is_changed or self._is_still(content):
                break
            content = self._store()
        return content

    def _store(self) -> Content:
        """Append its frames to a pack: as many bytes as it has when that begins."""
        self._file.rewind()
        self.seen = self._file.look()
        content = Content(self._found, self.seen, 0, "", place=self._tools.packs.begin(), headers=self._file.headers)
        sha256, making = hashlib.sha256(), None
        while content.size < self.seen.st_size:
            wanted = min(FRAME, self.seen.st_size - content.size)
            stop = content.size + wanted
            if self._is_packed(wanted):
                self._append(content, making)
                self._pass_on(content, sha256, stop)
                making = None
            else:
                plain = self._take(content, sha256, wanted)
                self._append(content, making)
                making = self._tools.pool.submit(self._tools.freezer.freeze_large, plain) if plain else None
                self._buffers.reverse()
            if content.size < stop:
                break
        self._append(content, making)
        self._tools.packs.end()
        content.sha256 = sha256.hexdigest()
        content.is_changed = content.size != self.seen.st_size or not self._is_steady()
        return content

    def _take(self, content: Content, sha256: "hashlib._Hash", wanted: int) -> memoryview:
        """So many more bytes, counted in; fewer only at the file's end."""
        plain = self._buffers[0][: self._file.fill(self._buffers[0][:wanted])]
        sha256.update(plain)
        content.crc32 = zlib.crc32(plain, content.crc32)
        content.size += len(plain)
        return plain

    def _is_packed(self, length: int) -> bool:
        """Whether the next so many bytes are known to be compressed already."""
        sample = self._file.sample(length)
        return bool(sample) and not self._tools.freezer.helps(sample)

    def _pass_on(self, content: Content, sha256: "hashlib._Hash", stop: int) -> None:
        """Append a frame as it is: a piece is hashed twice while the processor still holds it."""
        start = content.size
        while content.size < stop and (plain := self._take(content, sha256, min(PIECE, stop - content.size))):
            self._tools.packs.append(plain)
        if content.size > start:
            self._count(content, content.size - start)

    def _append(self, content: Content, making: Future[list[bytes | memoryview]] | None) -> None:
        if making is None:
            return
        while not making.done():
            wait_for([making], timeout=0.2)
            self._tick(content)
        pieces = making.result()
        for piece in pieces:
            self._tools.packs.append(piece)
        self._count(content, sum(map(len, pieces)))

    def _count(self, content: Content, length: int) -> None:
        content.lengths.append(length)
        while not self._tools.packs.wait(0.2):
            self._tick(content)
        self._tick(content)

    def _tick(self, content: Content) -> None:
        self._tools.tick(min(len(content.lengths) * FRAME, self.seen.st_size))

    def _is_still(self, content: Content) -> bool:
        """Whether what was stored are still the first bytes of the file: then it only grew, or was only touched, and
        storing it again would bring nothing."""
        self.seen = content.seen = self._file.look()
        if self.seen.st_size < content.size or self._hash(content.size) != content.sha256:
            return False
        content.is_changed = self.seen.st_size != content.size or not self._is_steady()
        return True

    def _hash(self, length: int) -> str:
        """SHA-256 of so many first bytes."""
        self._file.rewind()
        sha256 = hashlib.sha256()
        block = self._buffers[0][:HASHED]
        while length > 0 and (count := self._file.fill(block[:length])):
            sha256.update(block[:count])
            length -= count
            self._tools.tick(0)
        return sha256.hexdigest()

    def _is_steady(self) -> bool:
        return is_same(self.seen, self._file.look())
