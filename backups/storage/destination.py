"""Writes files and folders into a folder, by handles that follow no link and write over nothing."""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import UnpackFailed
from .columns import Headers
from .extract_refusals import shown
from .vault import WRITTEN

Owner = tuple[int, int]
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
IN_THE_WAY = (errno.EEXIST, errno.ELOOP, errno.ENOTDIR, errno.ENOENT, errno.EISDIR)


class Destination:
    """A folder by its handle, which stays the caller's. Folders become 0755, files 0644 unless said, all the owner's.

    Everything raises UnpackFailed. What was written stays; removing the folder is the caller's.
    """

    def __init__(self, into: int, owner: Owner | None) -> None:
        self._into, self._owner = into, owner
        self._opened: list[tuple[bytes, int]] = []

    def make_folder(self, path: bytes) -> None:
        with explained(path):
            self._enter(path.split(b"/"))

    def finish_folder(self, path: bytes, mode: int, mtime_ns: int) -> None:
        """Give a folder, made where it is not there, its mode and time; call it when all that it holds is written."""
        with explained(path):
            handle = self._enter(path.split(b"/"))
            os.fchmod(handle, mode)
            os.utime(handle, ns=(mtime_ns, mtime_ns))

    def write_file(
        self,
        path: bytes,
        content: Iterable[bytes],
        *,
        mode: int = 0o644,
        mtime_ns: int | None = None,
        headers: Headers | None = None,  # noqa: ARG002 - a directory keeps none
    ) -> None:
        *parents, name = path.split(b"/")
        with explained(path):
            handle = os.open(name, NEW_FILE, 0o600, dir_fd=self._enter(parents))
            try:
                for piece in content:
                    write_all(handle, piece)
                self._give(handle, mode)
                if mtime_ns is not None:
                    os.utime(handle, ns=(mtime_ns, mtime_ns))
            finally:
                os.close(handle)

    def _enter(self, parts: list[bytes]) -> int:
        """The handle of a folder, made where it is not there yet. The way to the last one stays open."""
        kept = 0
        for part, (name, _) in zip(parts, self._opened, strict=False):
            if part != name:
                break
            kept += 1
        self._leave(kept)
        for part in parts[kept:]:
            self._opened.append((part, self._make(self._here(), part)))
        return self._here()

    def _here(self) -> int:
        return self._opened[-1][1] if self._opened else self._into

    def _make(self, parent: int, name: bytes) -> int:
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
        except FileExistsError:
            return os.open(name, FOLDER, dir_fd=parent)
        handle = os.open(name, FOLDER, dir_fd=parent)
        try:
            self._give(handle, 0o755)
        except BaseException:
            os.close(handle)
            raise
        return handle

    def _give(self, handle: int, mode: int) -> None:
        if self._owner:
            os.fchown(handle, *self._owner)
        os.fchmod(handle, mode)

    def _leave(self, kept: int) -> None:
        while len(self._opened) > kept:
            os.close(self._opened.pop()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave(0)


@contextmanager
def opened_folder(path: Path) -> Iterator[int]:
    """The handle of a folder that is really there. Raises: OSError"""
    handle = os.open(path, FOLDER)
    try:
        yield handle
    finally:
        os.close(handle)


def write_all(handle: int, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[os.write(handle, left[:WRITTEN]) :]


@contextmanager
def explained(path: bytes) -> Iterator[None]:
    """Turns what the system says about writing here into UnpackFailed."""
    try:
        yield
    except OSError as error:
        raise UnpackFailed(_sentence(error, path)) from error


def _sentence(error: OSError, path: bytes) -> str:
    if error.errno in FULL:
        return "No space left where the files are unpacked. Nothing was changed. Make room there, then try again."
    if error.errno in IN_THE_WAY:
        return (
            f"Something else writes to the folder in which files are unpacked: {shown(path)} was in the way. "
            "Nothing was changed. Find out what it is, then try again."
        )
    return (
        f"The files cannot be unpacked: {error.strerror} at {shown(path)}. Nothing was changed. "
        "Correct this on the portal's server, then try again."
    )
