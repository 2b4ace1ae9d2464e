"""What a walk through uploaded files finds, whatever they lie in."""

from typing import NamedTuple, Protocol

from ..errors import FilesUnreadable
from .columns import FolderRecord, Headers


class Seen(Protocol):
    """How a file looked, in the words of `os.stat`."""

    @property
    def st_mode(self) -> int: ...
    @property
    def st_uid(self) -> int: ...
    @property
    def st_gid(self) -> int: ...
    @property
    def st_size(self) -> int: ...
    @property
    def st_mtime_ns(self) -> int: ...
    @property
    def st_ctime_ns(self) -> int: ...
    @property
    def st_ino(self) -> int: ...


class Readable(Protocol):
    """A file that can be read as long as it is held. What `seen` says may have changed by then."""

    @property
    def path(self) -> str: ...
    @property
    def seen(self) -> Seen: ...

    def hold(self) -> None:
        """Let it stay readable when the walk has gone on."""

    def release(self) -> None: ...


class OpenedFile(Protocol):
    """A file being read; all of it belongs to one moment, or ChangedMeanwhile is raised, or `look` tells that it
    changed."""

    @property
    def seen(self) -> Seen: ...
    @property
    def headers(self) -> Headers | None: ...

    def read(self, length: int) -> bytes:
        """So many bytes, fewer only at the file's end."""

    def fill(self, buffer: memoryview) -> int:
        """Read into the whole buffer; returns how many bytes came, fewer only at the file's end."""

    def sample(self, length: int) -> bytes:
        """A few bytes here and there of the next so many, which are not read thereby; none where that cannot be."""

    def rewind(self) -> None:
        """Read it from its beginning, as it is now."""

    def look(self) -> Seen:
        """How it looks now."""

    def close(self) -> None: ...


class ChangedMeanwhile(Exception):
    """What was read so far and what would come are not of one moment."""


class LeftOut(NamedTuple):
    """Something that is not backed up; `why` is links, devices or unreadable."""

    path: str
    why: str


class Openable(Readable, Protocol):
    """A file that knows itself how it is opened."""

    def open(self) -> OpenedFile | None:
        """None when it vanished. Raises: FilesUnreadable"""


Found = Readable | FolderRecord | LeftOut


class Pace(NamedTuple):
    """How files of a store are read best: by so many threads, in batches of so many files, at most so many bytes ahead;
    fewer than `inline_bytes` without a thread."""

    threads: int
    files: int
    ahead_bytes: int
    inline_bytes: int


def shown(path: str) -> str:
    """A path as a person can read it: control characters and bytes that are no UTF-8 escaped, cut when very long."""
    escaped = "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in path)
    return escaped if len(escaped) <= 300 else f"{escaped[:150]}…{escaped[-149:]}"


def unreadable(path: str, error: OSError) -> FilesUnreadable:
    return FilesUnreadable(
        f"{shown(path)} in the uploaded files cannot be read ({error.strerror}), and a backup must not silently lack "
        "files. No backup was made. Let the portal's user read it, or remove it, then try again."
    )


def always_changing(path: str) -> FilesUnreadable:
    return FilesUnreadable(
        f"{shown(path)} in the uploaded files changes, or breaks off, whenever it is read. No backup was made. "
        "Try again when nobody writes to it."
    )
