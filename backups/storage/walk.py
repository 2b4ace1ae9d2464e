"""Walks a directory by handles: sorted by bytes, depth first, never following a link, each name looked at once."""

import errno
import os
import stat
import sys
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

from ..errors import FilesUnreadable
from .columns import FolderRecord
from .documents_found import LeftOut as LeftOut
from .documents_found import shown as shown
from .documents_found import unreadable

OWN = ".portal"
LOST_AND_FOUND = "lost+found"
DEEPEST = 200
TRIES = 10
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
GONE = (errno.ENOENT, errno.ESTALE)
IS_UTF8 = sys.getfilesystemencoding() == "utf-8"


class Handle:
    """An open folder, closed by the last who lets go: files in it may be read after the walk has left it."""

    __slots__ = ("_uses", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self._uses = 1

    def hold(self) -> None:
        self._uses += 1

    def release(self) -> None:
        self._uses -= 1
        if not self._uses:
            os.close(self.number)


class FoundFile(NamedTuple):
    """A regular file: open `name` in `folder`. What `seen` says may have changed by then."""

    path: str
    name: str
    folder: Handle
    seen: os.stat_result

    def hold(self) -> None:
        self.folder.hold()

    def release(self) -> None:
        self.folder.release()


class _Level:
    """One folder that the walk is in."""

    __slots__ = ("handle", "is_told", "names", "prefix", "seen")

    def __init__(self, handle: Handle, prefix: str, names: list[str]) -> None:
        self.handle, self.prefix, self.names = handle, prefix, iter(names)
        self.seen = os.fstat(handle.number)
        self.is_told = not prefix

    def tell(self, *, is_empty: bool) -> FolderRecord:
        self.is_told = True
        one = self.seen
        mode = stat.S_IMODE(one.st_mode)
        return FolderRecord(self.prefix[:-1], mode, one.st_uid, one.st_gid, one.st_mtime_ns, is_empty)


def walk(root: Path) -> Generator[FoundFile | FolderRecord | LeftOut]:
    """Everything below `root` but `.portal/`. A folder comes before what it holds; what vanishes meanwhile is skipped.

    A file's folder is only open until the next step, unless somebody holds it.

    Raises:
        FilesUnreadable: a folder cannot be read; a backup must not silently lack files.
    """
    levels = [_enter_root(root)]
    try:
        while levels:
            level = levels[-1]
            for name in level.names:
                found = _look(level, name, len(levels))
                if found is None:
                    continue
                if isinstance(found, _Level):
                    levels.append(found)
                if not level.is_told and not isinstance(found, LeftOut):
                    yield level.tell(is_empty=False)
                if isinstance(found, _Level):
                    break
                yield found
            else:
                if not level.is_told:
                    yield level.tell(is_empty=True)
                levels.pop().handle.release()
    finally:
        for level in levels:
            level.handle.release()


def _enter_root(root: Path) -> _Level:
    try:
        # The root itself may be a link: that is one way to swap it.
        handle = Handle(os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        names = _sorted(handle)
    except OSError as error:
        raise FilesUnreadable(
            f"The directory of uploaded files {root} cannot be read ({error.strerror}). No backup was made. "
            "Mount it, or register the right directory, then try again."
        ) from error
    return _Level(handle, "", [name for name in names if name != OWN])


def _look(level: _Level, name: str, depth: int) -> FoundFile | LeftOut | _Level | None:
    path = level.prefix + (name if IS_UTF8 else os.fsencode(name).decode("utf-8", "surrogateescape"))
    for _ in range(TRIES):
        try:
            seen = os.stat(name, dir_fd=level.handle.number, follow_symlinks=False)
            if stat.S_ISREG(seen.st_mode):
                return FoundFile(path, name, level.handle, seen)
            if not stat.S_ISDIR(seen.st_mode):
                return LeftOut(path, "links" if stat.S_ISLNK(seen.st_mode) else "devices")
            return _enter(level, name, path, depth)
        except OSError as error:
            if error.errno in GONE:
                return None
            # A disk's own folder at the root of a mounted tree belongs to nobody's uploaded files.
            if path == LOST_AND_FOUND and error.errno in (errno.EACCES, errno.EPERM):
                return LeftOut(path, "unreadable")
            # No folder any more, since it was looked at: look again.
            if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise unreadable(path, error) from error
    return LeftOut(path, "links")


def _enter(level: _Level, name: str, path: str, depth: int) -> _Level:
    if depth > DEEPEST:
        raise FilesUnreadable(
            f"{shown(path)} in the uploaded files lies more than {DEEPEST} folders deep. No backup was made. "
            "Move it up, then try again."
        )
    handle = Handle(os.open(name, FOLDER_FLAGS, dir_fd=level.handle.number))
    return _Level(handle, f"{path}/", _sorted(handle))


def _sorted(handle: Handle) -> list[str]:
    try:
        return sorted(os.listdir(handle.number), key=os.fsencode)  # noqa: PTH208 - by handle
    except OSError:
        handle.release()
        raise
