"""Neighbours in walk order: runs of the base's rows that are unchanged, and files that have to be read."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from .base import Base, Moved
from .columns import FileColumns, FileRecord
from .documents_found import LeftOut, Readable
from .reading import Content, Freezer, TooLarge

ROWS = 1000
BYTES = 1 << 20

Outcome = Content | LeftOut | None | type[TooLarge]


@dataclass(slots=True)
class Run:
    """Unchanged rows of the base, one after the other."""

    columns: FileColumns
    start: int
    stop: int


@dataclass(slots=True)
class Unread:
    """A file to be read, and its row in the base (-1: none)."""

    found: Readable
    columns: FileColumns
    row: int

    def same_as(self, base: Base | None, moved: Moved | None, sha256: str) -> FileRecord | None:
        """The base's record of this content: of the same path, else of any."""
        if base is None or moved is None:
            return None
        columns, row = self.columns, self.row
        if row >= 0 and columns.digest(row) == sha256 and base.is_there(columns.pack[row]):
            return columns.record(row)
        return moved.find(sha256)


class Batch:
    """Up to so many rows that are written together, in order, once the unread ones among them are read."""

    __slots__ = ("files", "future", "items", "outcomes", "rows", "unread", "unread_bytes")

    def __init__(self, files: int) -> None:
        self.files = files
        self.items: list[Run | Unread] = []
        self.unread: list[Unread] = []
        self.outcomes: list[Outcome] = []
        self.rows = self.unread_bytes = 0
        self.future: Future[None] | None = None

    @property
    def is_full(self) -> bool:
        return self.rows >= ROWS or len(self.unread) >= self.files or self.unread_bytes >= BYTES

    def keep(self, columns: FileColumns, row: int) -> None:
        self.rows += 1
        last = self.items[-1] if self.items else None
        if type(last) is Run and last.columns is columns and last.stop == row:
            last.stop += 1
        else:
            self.items.append(Run(columns, row, row + 1))

    def add(self, one: Unread) -> None:
        one.found.hold()
        self.items.append(one)
        self.unread.append(one)
        self.rows += 1
        self.unread_bytes += one.found.seen.st_size

    def read(
        self, freezer: Freezer, same_as: Callable[[Unread, str], FileRecord | None], is_stopped: Callable[[], bool]
    ) -> None:
        """Read the unread ones, in any thread. Raises: FilesUnreadable."""
        for one in self.unread:
            if is_stopped():
                return
            try:
                self.outcomes.append(freezer.save(one.found, partial(same_as, one)))
            except TooLarge:
                self.outcomes.append(TooLarge)

    def release(self) -> None:
        """Let go of the folders. Safe to call twice."""
        unread, self.unread = self.unread, []
        for one in unread:
            one.found.release()
