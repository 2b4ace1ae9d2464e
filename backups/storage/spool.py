"""The spool: files that people upload, while they come and until they are used or given up.

One file an upload, by its id, readable by nobody else. A lock on it lets senders write one after the other.
"""

import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings

from .destination import write_all
from .vault import sync_folder

NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
THERE = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
MARK = ".place"
HURRIED = 4 << 20


def folder() -> Path:
    """Where they lie; made where it is not there."""
    path = Path(settings.DATA_DIR) / "uploads"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def mark() -> str:
    """What tells this folder from any other; made once. Machines that share it read the same. Raises: OSError"""
    path, beside = folder() / MARK, folder() / f"{MARK}.{secrets.token_hex(8)}"
    if not path.exists():
        beside.write_text(secrets.token_hex(16))
        try:
            with suppress(FileExistsError):
                path.hardlink_to(beside)
        finally:
            beside.unlink()
    return path.read_text()


def path_of(upload: UUID) -> Path:
    return folder() / str(upload)


def free_bytes() -> int:
    """The room there is for more."""
    return shutil.disk_usage(folder()).free


def make(upload: UUID) -> None:
    """Begin an empty file. Raises: OSError"""
    os.close(os.open(path_of(upload), NEW, 0o600))
    sync_folder(folder())


def remove(upload: UUID) -> None:
    """Remove a file; nothing there is no error. Raises: OSError"""
    path_of(upload).unlink(missing_ok=True)


def open_spooled(upload: UUID) -> BinaryIO:
    """A file, to be read. Raises: OSError"""
    return os.fdopen(os.open(path_of(upload), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", buffering=0)


def left_for(seconds: float) -> Iterator[UUID]:
    """The files that nobody wrote to for so long."""
    now = time.time()
    for path in folder().iterdir():
        try:
            if now - path.stat().st_mtime > seconds:
                yield UUID(path.name)
        except (FileNotFoundError, ValueError):
            continue


class Spooled:
    """One file, opened to be written by one sender among others that may come."""

    def __init__(self, upload: UUID) -> None:
        """Raises: OSError: it is not there."""
        self._handle = os.open(path_of(upload), THERE)

    def close(self) -> None:
        os.close(self._handle)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other sender writes meanwhile."""
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._handle, fcntl.LOCK_UN)

    @property
    def size(self) -> int:
        """In bytes; -1 when the file was removed meanwhile."""
        facts = os.fstat(self._handle)
        return facts.st_size if facts.st_nlink else -1

    def write(self, at: int, block: bytes) -> None:
        """Raises: OSError: the disk is full; what was written of it is cut off by whoever sends next."""
        os.lseek(self._handle, at, os.SEEK_SET)
        write_all(self._handle, block)
        if (at + len(block)) // HURRIED > at // HURRIED:
            # The disk begins with it now, so that little is left to wait for when it is synced.
            with suppress(OSError):
                os.posix_fadvise(self._handle, at - at % HURRIED, HURRIED, os.POSIX_FADV_DONTNEED)

    def cut(self, size: int) -> None:
        os.ftruncate(self._handle, size)

    def sync(self) -> None:
        os.fsync(self._handle)
