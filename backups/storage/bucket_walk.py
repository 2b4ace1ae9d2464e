"""Lists a bucket's objects as a tree of files: depth first, names by bytes, which is not the order of S3.

S3 sorts whole keys, so that `a.txt` comes before `a/b`. Keys are sorted anew in a table on the disk, by what makes
both orders one: a `/` that is smaller than everything else. So memory stays flat however many objects there are.
"""

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

from ..errors import FilesUnreadable
from .bucket_object import FoundObject, seen_of, tag_of, time_of
from .columns import FolderRecord
from .documents_found import Found, shown
from .s3_store import S3Store
from .stored import Tick
from .walk import DEEPEST, OWN

LONGEST_NAME = 255  # bytes that a file's or a folder's name may have
OWN_BESIDE = f"{OWN}-"
FOLDER_MODE = 0o755
TABLE = "CREATE TABLE keys (place BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, tag TEXT) WITHOUT ROWID"
CACHE_KIB = 8 << 10


class Entry(NamedTuple):
    """One object: `path` is what follows the prefix; of a folder's own object it ends with `/`."""

    path: str
    size: int
    mtime_ns: int
    tag: str


def walk_bucket(bucket: S3Store, prefix: str, tick: Tick) -> Generator[Found]:
    """Everything below the prefix but `.portal/`. `tick` is called while the list is fetched.

    Raises:
        FilesUnreadable: the store does not tell, or a key can be no file: a backup must not silently lack files.
    """
    with _explained(), closing(sqlite3.connect("", isolation_level=None)) as table:
        for statement in (f"PRAGMA cache_size = -{CACHE_KIB}", "PRAGMA journal_mode = OFF", TABLE, "BEGIN"):
            table.execute(statement)
        for page in _pages(bucket, prefix):
            rows = [(_place_of(one.path), *one[1:]) for one in page]
            table.executemany("INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?)", rows)
            tick()
        yield from _tree(table, bucket, _root(prefix))


def measure_bucket(bucket: S3Store, prefix: str, tick: Tick) -> tuple[int, int]:
    """How many files lie below the prefix, and their bytes. Raises as `walk_bucket`"""
    count = size = 0
    for page in _pages(bucket, prefix):
        sizes = [one.size for one in page if not one.path.endswith("/")]
        count, size = count + len(sizes), size + sum(sizes)
        tick()
    return count, size


def is_anything_in(bucket: S3Store, prefix: str) -> bool:
    """Whether the beginning of the list tells of a file. Raises: FilesStoreUnreachable"""
    return bool(next(_pages(bucket, prefix), []))


def _pages(bucket: S3Store, prefix: str) -> Iterator[list[Entry]]:
    root = _root(prefix)
    for page in bucket.listed(root, delimiter=""):
        entries = (_entry(bucket, one, root) for one in page.get("Contents", ()))
        yield [entry for entry in entries if not _is_own(entry.path, prefix)]


def _root(prefix: str) -> str:
    return f"{prefix}/" if prefix else ""


def _entry(bucket: S3Store, told: dict[str, Any], root: str) -> Entry:
    if "Size" not in told:
        raise bucket.unreachable(bucket.place.no_store())
    return Entry(told["Key"][len(root) :], int(told["Size"]), time_of(told), tag_of(told))


def _is_own(path: str, prefix: str) -> bool:
    """What the portal keeps there, and the object that some consoles make to show the prefix as a folder."""
    top = path.partition("/")[0]
    return not path or top == OWN or (not prefix and top.startswith(OWN_BESIDE))


def _place_of(path: str) -> bytes:
    """What paths are sorted by. Raises: FilesUnreadable, when no tree of files can hold such a path."""
    steps = path.removesuffix("/").split("/")
    if "\0" in path or {"", ".", ".."} & set(steps):
        raise _no_file(path, "is no path of a file")
    if any(len(step.encode()) > LONGEST_NAME for step in steps):
        raise _no_file(path, f"has a part of more than {LONGEST_NAME} bytes")
    if len(steps) - (not path.endswith("/")) > DEEPEST:
        raise _no_file(path, f"lies more than {DEEPEST} folders deep")
    return path.replace("/", "\0").encode()


def _tree(table: sqlite3.Connection, bucket: S3Store, root: str) -> Generator[Found]:
    """The files, and the folders that have an object of their own."""
    folder: FolderRecord | None = None
    before = ""
    for place, size, mtime_ns, tag in table.execute("SELECT place, size, mtime_ns, tag FROM keys ORDER BY place"):
        path = bytes(place).decode().replace("\0", "/")
        if before and path.startswith(f"{before}/"):
            raise _no_file(before, "is a file and a folder at once")
        if folder is not None:
            yield folder._replace(is_empty=not path.startswith(f"{folder.path}/"))
            folder = None
        if not path.endswith("/"):
            before = path
            yield FoundObject(path, root + path, tag, seen_of(size, mtime_ns, tag), bucket)
        elif size:
            raise _no_file(path, "has the name of a folder and holds something")
        else:
            folder = FolderRecord(path[:-1], FOLDER_MODE, 0, 0, mtime_ns, is_empty=True)
    if folder is not None:
        yield folder


def _no_file(path: str, why: str) -> FilesUnreadable:
    return FilesUnreadable(
        f"The object {shown(path)} in the uploaded files {why}, so it cannot be backed up, and a backup must not "
        "silently lack files. No backup was made. Give it another key, or remove it, then try again."
    )


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise FilesUnreadable(
            f"The list of uploaded files could not be sorted on this machine ({error}). No backup was made. "
            "Make room in its folder for temporary files, then try again."
        ) from error
