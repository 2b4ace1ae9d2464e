"""Files that archives are read from, a place to unpack into, and proof that nothing around it changed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from backups.storage.destination import Destination, Owner, opened_folder
from backups.storage.extract import Inspection, Limits, extract, inspect
from backups.storage.recognise import FileKind

ROOM = 64 << 20


@contextmanager
def opened(content: bytes) -> Iterator[BinaryIO]:
    """The content as an open file that has no name."""
    with open(os.memfd_create("archive"), "w+b", buffering=0) as file:
        file.write(content)
        yield file


def limits(**different: Any) -> Limits:
    return Limits(**{"unpacked_bytes": ROOM, **different})


def look(content: bytes, *, allow_empty: bool = False, **different: Any) -> Inspection:
    with opened(content) as file:
        return inspect(file, limits(**different), beat=no_beat, allow_empty=allow_empty)


def unpack(content: bytes, into: Path, inspection: Inspection | None = None, **options: Any) -> Inspection:
    """Look and unpack; with an inspection from elsewhere, unpack by that one."""
    with opened(content) as file, writer_of(into, options.pop("owner", None)) as writer:
        seen = inspection or inspect(file, limits(), beat=no_beat, allow_empty=True)
        extract(file, writer, limits(), inspection=seen, beat=no_beat, **options)
        return seen


def no_beat(done: int, total: int) -> None:
    assert 0 <= done <= total


@contextmanager
def writer_of(folder: Path, owner: Owner | None = None) -> Iterator[Destination]:
    with opened_folder(folder) as handle, Destination(handle, owner) as writer:
        yield writer


def believed(content: bytes, **different: Any) -> Inspection:
    """What an inspection of a good archive would have said: a trap for the unpacking, which must look again."""
    facts: dict[str, Any] = {
        "kind": FileKind.ZIP,
        "entries": 1,
        "files": 1,
        "folders": 0,
        "bytes": 1,
        "unpacked_bytes": 1,
        "packed_bytes": len(content),
        "root": "",
        "metadata": None,
        "dump": None,
        "written_names": 0,
        "sha256": "0" * 64,
    }
    return Inspection(**facts | different)


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every path below, with a file's content or None for a folder. Anything else fails."""
    found: dict[str, bytes | None] = {}
    for path in sorted(folder.rglob("*")):
        assert not path.is_symlink() and (path.is_file() or path.is_dir()), path
        found[str(path.relative_to(folder))] = path.read_bytes() if path.is_file() else None
    return found


@dataclass
class Surroundings:
    """A folder to unpack into, with neighbours that have to stay as they are."""

    root: Path
    into: Path = field(init=False)

    def __post_init__(self) -> None:
        self.into = self.root / "staging" / "into"
        self.into.mkdir(parents=True)
        (self.root / "outside.txt").write_text("mine")
        (self.root / "staging" / "outside.txt").write_text("mine too")
        self._before = self.around()

    def around(self) -> dict[str, tuple[object, ...]]:
        found: dict[str, tuple[object, ...]] = {}
        for path in [self.root, *self.root.rglob("*")]:
            if path == self.into or self.into in path.parents:
                continue
            said = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            found[str(path)] = (said.st_mode, said.st_ino, said.st_mtime_ns, said.st_nlink, content)
        return found

    def assert_untouched(self) -> None:
        assert self.around() == self._before
