"""The rows of a manifest, held as columns: that is how they are stored, and it is ten times lighter than objects."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Frames = int | list[int]
"""Stored lengths of a file's frames: one number for one frame, 0 for an empty file, a list for several."""

FRAME = 8 << 20
"""Plain bytes of every frame of a file but its last. Stored as long as plain means stored raw; else it is zstd."""


Headers = dict[str, Any]
"""What an S3 store keeps of an object beside its bytes, in boto3's words: ContentType, CacheControl, Metadata, …"""


class FileRecord(NamedTuple):
    """One file. `path` may hold surrogates for bytes that are no UTF-8; `pack` is a number in its manifest, or -1."""

    path: str
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    size: int
    sha256: str
    crc32: int
    pack: int
    offset: int
    frames: Frames
    headers: Headers | None = None

    @property
    def stored_lengths(self) -> list[int]:
        if isinstance(self.frames, list):
            return self.frames
        return [self.frames] if self.frames else []


class FolderRecord(NamedTuple):
    """One folder; `is_empty` when nothing of what it holds is in the backup."""

    path: str
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    is_empty: bool


@dataclass(slots=True)
class FileColumns:
    """Up to a thousand files in walk order. `sha256` is their hex digests joined, 64 characters each; `headers` is
    empty where none of them has any."""

    path: list[str] = field(default_factory=list)
    mode: list[int] = field(default_factory=list)
    uid: list[int] = field(default_factory=list)
    gid: list[int] = field(default_factory=list)
    mtime_ns: list[int] = field(default_factory=list)
    ctime_ns: list[int] = field(default_factory=list)
    inode: list[int] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    sha256: str = ""
    crc32: list[int] = field(default_factory=list)
    pack: list[int] = field(default_factory=list)
    offset: list[int] = field(default_factory=list)
    frames: list[Frames] = field(default_factory=list)
    headers: list[Headers | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.path)

    @classmethod
    def of(cls, found: dict[str, Any]) -> "FileColumns":
        """The columns of a line. Raises: ValueError, TypeError, KeyError when they do not fit each other."""
        columns = cls(**{name: found[name] for name in FILE_COLUMNS}, headers=found.get("headers", []))
        count = len(columns.path)
        if len(columns.sha256) != 64 * count or any(len(found[name]) != count for name in FILE_LISTS):
            raise ValueError("columns of different lengths")
        if len(columns.headers) not in (0, count):
            raise ValueError("headers of a different length")
        return columns

    def as_dict(self) -> dict[str, Any]:
        there = {name: getattr(self, name) for name in FILE_COLUMNS}
        return there | ({"headers": self.headers} if self.headers else {})

    def add(self, record: FileRecord) -> None:
        """Add a row but its digest."""
        self.path.append(record.path)
        self.mode.append(record.mode)
        self.uid.append(record.uid)
        self.gid.append(record.gid)
        self.mtime_ns.append(record.mtime_ns)
        self.ctime_ns.append(record.ctime_ns)
        self.inode.append(record.inode)
        self.size.append(record.size)
        self.crc32.append(record.crc32)
        self.pack.append(record.pack)
        self.offset.append(record.offset)
        self.frames.append(record.frames)
        if record.headers:
            self._fill_headers(len(self.path) - 1)
            self.headers.append(record.headers)

    def add_rows(self, other: "FileColumns", start: int, stop: int, numbers: Mapping[int, int]) -> None:
        """Add rows of others but their digests; `numbers` maps their pack numbers to ours."""
        self.path += other.path[start:stop]
        self.mode += other.mode[start:stop]
        self.uid += other.uid[start:stop]
        self.gid += other.gid[start:stop]
        self.mtime_ns += other.mtime_ns[start:stop]
        self.ctime_ns += other.ctime_ns[start:stop]
        self.inode += other.inode[start:stop]
        self.size += other.size[start:stop]
        self.crc32 += other.crc32[start:stop]
        self.pack += [numbers[pack] for pack in other.pack[start:stop]]
        self.offset += other.offset[start:stop]
        self.frames += other.frames[start:stop]
        if other.headers:
            self._fill_headers(len(self.path) - (stop - start))
            self.headers += other.headers[start:stop]

    def close(self) -> None:
        """No more rows come."""
        if self.headers:
            self._fill_headers(len(self.path))

    def _fill_headers(self, count: int) -> None:
        """Let the first so many rows have headers, none where none are known."""
        self.headers += [None] * (count - len(self.headers))

    def digest(self, row: int) -> str:
        return self.sha256[64 * row : 64 * row + 64]

    def digests(self) -> list[str]:
        return [self.sha256[at : at + 64] for at in range(0, len(self.sha256), 64)]

    def record(self, row: int) -> FileRecord:
        return FileRecord(
            self.path[row],
            self.mode[row],
            self.uid[row],
            self.gid[row],
            self.mtime_ns[row],
            self.ctime_ns[row],
            self.inode[row],
            self.size[row],
            self.digest(row),
            self.crc32[row],
            self.pack[row],
            self.offset[row],
            self.frames[row],
            self.headers[row] if self.headers else None,
        )

    def records(self) -> Iterator[FileRecord]:
        rows = zip(
            self.path,
            self.mode,
            self.uid,
            self.gid,
            self.mtime_ns,
            self.ctime_ns,
            self.inode,
            self.size,
            self.digests(),
            self.crc32,
            self.pack,
            self.offset,
            self.frames,
            self.headers or [None] * len(self),
            strict=True,
        )
        return map(FileRecord._make, rows)


@dataclass(slots=True)
class FolderColumns:
    """Up to a thousand folders in walk order, each before what it holds."""

    path: list[str] = field(default_factory=list)
    mode: list[int] = field(default_factory=list)
    uid: list[int] = field(default_factory=list)
    gid: list[int] = field(default_factory=list)
    mtime_ns: list[int] = field(default_factory=list)
    is_empty: list[bool] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.path)

    @classmethod
    def of(cls, found: dict[str, Any]) -> "FolderColumns":
        """The columns of a line. Raises: ValueError, TypeError, KeyError when they do not fit each other."""
        columns = cls(**{name: found[name] for name in cls.__slots__})
        if any(len(found[name]) != len(columns.path) for name in cls.__slots__):
            raise ValueError("columns of different lengths")
        return columns

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def add(self, record: FolderRecord) -> None:
        for name, value in zip(self.__slots__, record, strict=True):
            getattr(self, name).append(value)

    def records(self) -> Iterator[FolderRecord]:
        rows = zip(self.path, self.mode, self.uid, self.gid, self.mtime_ns, self.is_empty, strict=True)
        return map(FolderRecord._make, rows)


FILE_COLUMNS = tuple(name for name in FileColumns.__slots__ if name != "headers")
FILE_LISTS = tuple(name for name in FILE_COLUMNS if name != "sha256")
