"""Reads one uploaded file that may change, vanish or turn into something else meanwhile."""

import errno
import hashlib
import os
import stat
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from backports.zstd import ZstdCompressor

from .columns import FRAME, FileRecord, Headers
from .documents_found import (
    ChangedMeanwhile,
    LeftOut,
    Openable,
    OpenedFile,
    Readable,
    Seen,
    always_changing,
    unreadable,
)
from .packs import Place
from .walk import GONE, FoundFile

TRIES = 3
PROBED = 48 << 10
SAMPLE = 4 << 10
PIECE = 1 << 20
# Without waiting for the other end of a pipe, and never through a link.
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(slots=True)
class Content:
    """What a file held: a frame that has yet to be stored, frames that already lie at `place`, or a record of the base
    that holds the same.

    `seen` is how the file looked before it was read, so that a later change shows.
    """

    found: Readable
    seen: Seen
    size: int
    sha256: str
    crc32: int = 0
    frame: bytes = b""
    place: Place | None = None
    lengths: list[int] = field(default_factory=list)
    known: FileRecord | None = None
    is_changed: bool = False
    headers: Headers | None = None


class TooLarge(Exception):
    """The file has more than one frame; it is read otherwise."""


class Opened(NamedTuple):
    """A regular file, and how it looks."""

    file: int
    seen: os.stat_result
    headers: Headers | None = None

    def read(self, length: int) -> bytes:
        return read_up_to(self.file, length)

    def fill(self, buffer: memoryview) -> int:
        return fill(self.file, buffer)

    def sample(self, length: int) -> bytes:
        here = os.lseek(self.file, 0, os.SEEK_CUR)
        return b"".join(os.pread(self.file, SAMPLE, here + at) for at in sampled(length))

    def rewind(self) -> None:
        os.lseek(self.file, 0, os.SEEK_SET)

    def look(self) -> os.stat_result:
        return os.fstat(self.file)

    def close(self) -> None:
        os.close(self.file)


def open_file(found: Readable) -> OpenedFile | LeftOut | None:
    """The file, open; LeftOut when the name is something else by now, None when it vanished.

    Raises: FilesUnreadable.
    """
    if isinstance(found, FoundFile):
        return _open_in_folder(found)
    return cast(Openable, found).open()


def _open_in_folder(found: FoundFile) -> Opened | LeftOut | None:
    try:
        file = os.open(found.name, FILE_FLAGS, dir_fd=found.folder.number)
    except OSError as error:
        if error.errno in GONE:
            return None
        if error.errno in (errno.ELOOP, errno.ENXIO):
            return LeftOut(found.path, "links" if error.errno == errno.ELOOP else "devices")
        raise unreadable(found.path, error) from error
    seen = os.fstat(file)
    if stat.S_ISREG(seen.st_mode):
        return Opened(file, seen)
    os.close(file)
    return LeftOut(found.path, "devices")


def read_up_to(file: int, length: int) -> bytes:
    """So many bytes, fewer only at the file's end."""
    content = os.read(file, length)
    while 0 < len(content) < length and (more := os.read(file, length - len(content))):
        content += more
    return content


def fill(file: int, buffer: memoryview) -> int:
    """Read into the whole buffer; returns how many bytes came, fewer only at the file's end."""
    count = 0
    while count < len(buffer) and (more := os.readv(file, [buffer[count:]])):
        count += more
    return count


def sampled(length: int) -> tuple[int, int, int]:
    """Where samples of so many bytes are taken."""
    last = max(0, length - SAMPLE)
    return 0, last // 2, last


def is_same(before: Seen, after: Seen) -> bool:
    return (
        before.st_mtime_ns == after.st_mtime_ns
        and before.st_ctime_ns == after.st_ctime_ns
        and before.st_size == after.st_size
    )


Known = Callable[[str], FileRecord | None]
"""Tells which record of the base holds the content of this SHA-256."""


class Freezer:
    """Reads small files and makes their frames. May be used from several threads; each has its compressor."""

    def __init__(self, level: int = 1) -> None:
        self._level = level
        self._own = threading.local()

    def freeze(self, plain: bytes) -> bytes:
        """One frame: compressed where that makes it shorter, else the very bytes."""
        if len(plain) > PROBED and not self._is_worth_while(plain):
            return plain
        frame = self._compressor().compress(plain, ZstdCompressor.FLUSH_FRAME)
        return frame if len(frame) < len(plain) else plain

    def freeze_large(self, plain: memoryview) -> list[bytes | memoryview]:
        """The same for many bytes, in pieces: asked for all at once, a compressor holds its output twice."""
        if not self._is_worth_while(plain):
            return [plain]
        compressor, pieces = self._compressor(), list[bytes | memoryview]()
        compressor.set_pledged_input_size(len(plain))
        for at in range(0, len(plain), PIECE):
            pieces.append(compressor.compress(plain[at : at + PIECE]))
        pieces.append(compressor.flush())
        return pieces if sum(map(len, pieces)) < len(plain) else [plain]

    def _is_worth_while(self, plain: bytes | memoryview) -> bool:
        """Most uploads are compressed already. Three samples tell, at a tenth of the cost."""
        return self.helps(b"".join(plain[at : at + SAMPLE] for at in sampled(len(plain))))

    def helps(self, sample: bytes) -> bool:
        """Whether compression makes a sample shorter."""
        return len(self._compressor().compress(sample, ZstdCompressor.FLUSH_FRAME)) < 0.98 * len(sample)

    def _compressor(self) -> ZstdCompressor:
        found: ZstdCompressor | None = getattr(self._own, "compressor", None)
        if found is None:
            found = self._own.compressor = ZstdCompressor(level=self._level)
        return found

    def save(self, found: Readable, known: Known) -> Content | LeftOut | None:
        """Read a file of one frame, again when it changed meanwhile; after three tries it counts as changed.

        Returns LeftOut when it is no regular file any more, None when it vanished.
        Raises: FilesUnreadable, and TooLarge when it grew beyond a frame.
        """
        taken = _read_steadily(found)
        if not isinstance(taken, _Taken):
            return taken
        plain, seen, is_changed, headers = taken
        sha256 = hashlib.sha256(plain).hexdigest()
        content = Content(found, seen, len(plain), sha256, is_changed=is_changed, headers=headers)
        if not plain:
            return content
        content.known = known(sha256)
        if content.known is None:
            content.crc32 = zlib.crc32(plain)
            content.frame = self.freeze(plain)
        return content


class _Taken(NamedTuple):
    plain: bytes
    seen: Seen
    is_changed: bool
    headers: Headers | None


def _read_steadily(found: Readable) -> _Taken | LeftOut | None:
    for last in (False,) * (TRIES - 1) + (True,):
        with suppress(ChangedMeanwhile):
            opened = open_file(found)
            if opened is None or isinstance(opened, LeftOut):
                return opened
            before = opened.seen
            try:
                if before.st_size > FRAME:
                    raise TooLarge
                plain = opened.read(before.st_size) if before.st_size else b""
                is_steady = is_same(before, opened.look()) and len(plain) == before.st_size
            except OSError as error:
                raise unreadable(found.path, error) from error
            finally:
                opened.close()
            if is_steady or last:
                return _Taken(plain, before, not is_steady, opened.headers)
    raise always_changing(found.path)
