"""The uploaded files: walked, merged with the base in the same order, and only what is new is packed."""

from collections import deque
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import closing
from functools import partial
from stat import S_IMODE
from typing import Protocol

from .base import Moved, PackNumbers, base_of
from .batches import Batch, Outcome, Run, Unread
from .columns import FRAME, FileColumns, FileRecord, FolderRecord, Frames
from .documents_found import Found, LeftOut, Pace, Readable
from .large import Tools, save_large
from .manifest import ManifestReader, ManifestWriter, Sums
from .packs import PackWriter
from .reading import Content, Freezer, TooLarge
from .saved import DocumentsSaved
from .stored import Stored, Tick
from .vault import Vault

__all__ = ["Beat", "DocumentsSaved", "save_documents"]

Beat = Callable[[int, int | None], None]
"""Told the bytes done and, where known, in all; may raise to end the work."""

WALKED = 64
AHEAD_BATCHES = 64
NO_ROWS = FileColumns()


class Source(Protocol):
    """Where uploaded files come from."""

    pace: Pace

    def walk(self, tick: Tick) -> Generator[Found]:
        """Everything there is, in walk order. Raises: FilesUnreadable"""


def save_documents(
    source: Source,
    *,
    vault: Vault,
    base: ManifestReader | None,
    packs: PackWriter,
    manifest: ManifestWriter,
    sums: Sums | None,
    beat: Beat,
    total_bytes: int | None = None,
) -> DocumentsSaved:
    """Store the uploaded files: rows into `manifest`, what the base does not have into `packs`.

    Packs are finished and read back, rows are closed (`sums` has seen all of them); the manifest's end is the caller's.
    `beat` is called from this thread at least twice a second. Whatever it or anything else raises, no thread stays and
    both writers are aborted.

    Raises:
        FilesUnreadable, VaultUnreachable, StoredDiffers.
    """
    manifest.sums = sums
    try:
        saving = _Saving(source, vault, base, packs, manifest, lambda done: beat(done, total_bytes))
        try:
            return saving.run()
        finally:
            saving.stop()
    except BaseException:
        packs.abort()
        manifest.abort()
        raise


class _Saving:
    """One run of `save_documents`."""

    def __init__(
        self,
        source: Source,
        vault: Vault,
        base: ManifestReader | None,
        packs: PackWriter,
        manifest: ManifestWriter,
        beat: Callable[[int], None],
    ) -> None:
        self.saved = DocumentsSaved()
        self._packs, self._manifest, self._beat = packs, manifest, beat
        self._base = base_of(base, vault)
        self._numbers: Mapping[int, int] = PackNumbers(base, manifest) if base is not None else {}
        self._moved: Moved | None = None
        self._source, self._pace = source, source.pace
        self._batch = Batch(self._pace.files)
        self._waiting: deque[Batch] = deque()
        self._waiting_bytes = 0
        self._freezer = Freezer()
        self._tools: Tools | None = None
        self._pool = ThreadPoolExecutor(self._pace.threads, thread_name_prefix="documents")
        self._is_stopped = False

    def run(self) -> DocumentsSaved:
        with closing(self._source.walk(self._tick)) as tree:
            for count, found in enumerate(tree):
                if isinstance(found, FolderRecord):
                    self.saved.folders_count += 1
                    self._manifest.add_folder(found)
                elif isinstance(found, LeftOut):
                    self.saved.leave_out(found)
                else:
                    self._meet(found)
                if count % WALKED == 0:
                    self._tick()
            self._write_all()
        self._manifest.close_rows()
        new = self._packs.finish(self._tick)
        self.saved.stored_bytes = self._packs.stored_bytes
        self.saved.packs = self._named(new)
        return self.saved

    def stop(self) -> None:
        """End the threads and close what is open; at the end of a good run this finds nothing."""
        self._is_stopped = True
        self._pool.shutdown(cancel_futures=True)
        if self._base is not None:
            self._base.close()
        for batch in (*self._waiting, self._batch):
            batch.release()

    def _tick(self, reading: int = 0) -> None:
        self._beat(self.saved.files_bytes + reading)

    def _meet(self, found: Readable) -> None:
        one = Unread(found, NO_ROWS, -1)
        if self._base is not None:
            row = self._base.match(found.path)
            if row >= 0 and self._base.is_unchanged(row, found.seen):
                self._keep(row)
                return
            one.columns, one.row = self._base.columns, row
            self._moved = self._moved or Moved(self._base, self._tick)
        if found.seen.st_size > FRAME:
            self._write_all()
            self._write_large(one)
            return
        self._batch.add(one)
        if self._batch.is_full:
            self._read()

    def _keep(self, row: int) -> None:
        assert self._base is not None
        self._batch.keep(self._base.columns, row)
        if self._batch.is_full:
            self._read()

    def _read(self) -> None:
        """Read the batch: small ones here, because a thread would cost more than it brings; and begin a new one."""
        batch, self._batch = self._batch, Batch(self._pace.files)
        read = partial(batch.read, self._freezer, self._same_as, lambda: self._is_stopped)
        if batch.unread and (self._waiting or batch.unread_bytes >= self._pace.inline_bytes):
            batch.future = self._pool.submit(read)
        self._waiting.append(batch)
        self._waiting_bytes += batch.unread_bytes
        if batch.future is None:
            read()
        self._write_ready(self._pace.ahead_bytes, AHEAD_BATCHES)

    def _same_as(self, one: Unread, sha256: str) -> FileRecord | None:
        return one.same_as(self._base, self._moved, sha256)

    def _write_all(self) -> None:
        self._read()
        self._write_ready(-1, 0)

    def _write_ready(self, ahead: int, batches: int) -> None:
        """Write what is read, and wait until no more than `ahead` bytes in so many batches are being read."""
        while self._waiting:
            future = self._waiting[0].future
            while future is not None and not future.done():
                if self._waiting_bytes <= ahead and len(self._waiting) <= batches:
                    return
                wait_for([future], timeout=0.2)
                self._tick()
            if future is not None:
                future.result()
            batch = self._waiting.popleft()
            self._waiting_bytes -= batch.unread_bytes
            try:
                self._write(batch)
            finally:
                batch.release()

    def _write(self, batch: Batch) -> None:
        outcomes = iter(batch.outcomes)
        for item in batch.items:
            if type(item) is Run:
                self._manifest.add_files(item.columns, item.start, item.stop, self._numbers)
                self.saved.files_count += item.stop - item.start
                self.saved.files_bytes += sum(item.columns.size[item.start : item.stop])
            elif isinstance(item, Unread):
                self._write_one(item, next(outcomes))
        self._tick()
        while not self._packs.wait(0.2):
            self._tick()

    def _write_one(self, one: Unread, outcome: Outcome) -> None:
        if isinstance(outcome, Content):
            self._write_row(outcome)
        elif isinstance(outcome, LeftOut):
            self.saved.leave_out(outcome)
        elif outcome is TooLarge:
            self._write_large(one)

    def _write_large(self, one: Unread) -> None:
        self._tools = self._tools or Tools(self._packs, self._freezer, self._pool, self._tick)
        known = partial(self._same_as, one)
        may_be_known = self._moved.may_have if self._moved is not None else never
        outcome = save_large(one.found, self._tools, known, may_be_known)
        self._write_one(one, outcome)

    def _write_row(self, content: Content) -> None:
        saved, seen = self.saved, content.seen
        saved.files_count += 1
        saved.files_bytes += content.size
        saved.changed_count += content.is_changed
        crc32, pack, offset, frames = self._place(content)
        self._manifest.add_file(
            FileRecord(
                content.found.path,
                S_IMODE(seen.st_mode),
                seen.st_uid,
                seen.st_gid,
                seen.st_mtime_ns,
                seen.st_ctime_ns,
                seen.st_ino,
                content.size,
                content.sha256,
                crc32,
                pack,
                offset,
                frames,
                content.headers,
            )
        )

    def _place(self, content: Content) -> tuple[int, int, int, Frames]:
        known, place = content.known, content.place
        if known is not None:
            return known.crc32, self._numbers[known.pack], known.offset, known.frames
        if not content.size:
            return 0, -1, 0, 0
        lengths = content.lengths or [len(content.frame)]
        if place is None:
            place = self._packs.put(content.frame)
        frames: Frames = lengths if len(lengths) > 1 else lengths[0]
        return content.crc32, self._manifest.number_of(place.pack), place.offset, frames

    def _named(self, new: list[Stored]) -> list[Stored]:
        """All packs that the manifest names, in its order, and at last those of this backup that it does not."""
        known = {**(self._base.packs if self._base else {}), **{one.name: one for one in new}}
        named = self._manifest.packs
        return [known[name] for name in named] + [one for one in new if one.name not in set(named)]


def never(size: int) -> bool:  # noqa: ARG001
    """Without a base nothing is known."""
    return False
