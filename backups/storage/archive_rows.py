"""A line of a manifest as archives see it: entries with names, sizes and contents."""

import json
import stat
from dataclasses import dataclass
from functools import cached_property

from .archive_names import written_names
from .columns import FileColumns, FolderColumns

TREE = "tree/"


@dataclass
class Rows:
    """Up to a thousand entries, in manifest order. `paths` are the originals, `names` how the archive calls them.

    Times are whole seconds, modes complete; bits that let a file run as somebody else stay at home.
    """

    paths: list[str]
    names: list[str]
    modes: list[int]
    uids: list[int]
    gids: list[int]
    times: list[int]
    sizes: list[int]
    crcs: list[int]
    files: FileColumns | None = None

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def raw_names(self) -> list[bytes]:
        return [name.encode() for name in self.names]

    @cached_property
    def names_bytes(self) -> int:
        return sum(map(len, self.raw_names))

    @cached_property
    def contents_bytes(self) -> int:
        return sum(self.sizes)

    @cached_property
    def largest(self) -> int:
        return max(self.sizes, default=0)


def rows_of(columns: FileColumns | FolderColumns) -> Rows:
    """The entries of a line: every file, and those folders that nothing else would bring back."""
    if isinstance(columns, FileColumns):
        return Rows(
            columns.path,
            [TREE + name for name in written_names(columns.path)],
            [stat.S_IFREG | mode & 0o777 for mode in columns.mode],
            columns.uid,
            columns.gid,
            [moment // 1_000_000_000 for moment in columns.mtime_ns],
            columns.size,
            columns.crc32,
            columns,
        )
    empty = [record for record in columns.records() if record.is_empty]
    nothing = [0] * len(empty)
    return Rows(
        [f"{record.path}/" for record in empty],
        [f"{TREE}{name}/" for name in written_names([record.path for record in empty])],
        [stat.S_IFDIR | record.mode & 0o777 for record in empty],
        [record.uid for record in empty],
        [record.gid for record in empty],
        [record.mtime_ns // 1_000_000_000 for record in empty],
        nothing,
        nothing,
    )


def checksum_lines(rows: Rows) -> bytes:
    """What SHA256SUMS says about them."""
    if rows.files is None:
        return b""
    return "".join([f"{one}  {name}\n" for one, name in zip(rows.files.digests(), rows.names, strict=True)]).encode()


def name_pairs(rows: Rows) -> list[bytes]:
    """What NAMES.json says about them: a pair for each that is called otherwise than it was."""
    if rows.names == [TREE + path for path in rows.paths]:
        return []
    return [
        f"{json.dumps(name)}: {json.dumps(TREE + path)}".encode()
        for name, path in zip(rows.names, rows.paths, strict=True)
        if name != TREE + path
    ]
