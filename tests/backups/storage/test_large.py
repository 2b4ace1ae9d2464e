"""One large file: frames, and what happens when it changes while it is read."""

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backups.errors import FilesUnreadable
from backups.storage import reading
from backups.storage.columns import FRAME, FileRecord
from backups.storage.large import Tools, save_large
from backups.storage.packs import PackReader, PackWriter
from backups.storage.reading import Content, Freezer
from backups.storage.vault import Vault
from backups.storage.walk import FoundFile, Handle

from .test_manifest import record
from .trip import noise

MIB = 1 << 20


class Bench:
    """Saves the file `a` of a tree."""

    def __init__(self, root: Path, vault: Vault) -> None:
        self.file, self.vault = root / "a", vault
        self.folder = Handle(os.open(root, os.O_RDONLY))
        self.packs = PackWriter(vault, lambda number: f"packs/{number}")
        self.pool = ThreadPoolExecutor(2, thread_name_prefix="documents")
        self.done: list[int] = []
        self.tools = Tools(self.packs, Freezer(), self.pool, self.done.append)

    def save(
        self, known: Callable[[str], FileRecord | None] = lambda sha256: None, *, is_base: bool = False
    ) -> Content:
        found = FoundFile("a", "a", self.folder, self.file.stat())
        content = save_large(found, self.tools, known, lambda size: is_base)
        assert isinstance(content, Content)
        return content

    def stored(self, content: Content) -> bytes:
        assert content.place is not None
        self.packs.finish()
        row = record(0, size=content.size, offset=content.place.offset, frames=content.lengths)
        return b"".join(PackReader(self.vault).content(content.place.pack, row))

    def close(self) -> None:
        self.pool.shutdown()
        self.packs.abort()
        self.folder.release()


@pytest.fixture
def bench(root: Path, vault: Vault) -> Iterator[Bench]:
    made = Bench(root, vault)
    yield made
    made.close()


def meddle(monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], object]) -> None:
    """Does one step after each of the first readings of a block."""
    fill, left = reading.fill, iter(steps)

    def fill_and_meddle(file: int, buffer: memoryview) -> int:
        count = fill(file, buffer)
        next(left, lambda: None)()
        return count

    monkeypatch.setattr(reading, "fill", fill_and_meddle)


@pytest.mark.parametrize("size", [FRAME + 1, 2 * FRAME, 3 * FRAME + 12345])
def test_a_quiet_file_lies_in_frames_of_eight_mib(bench: Bench, size: int) -> None:
    content = noise(FRAME) + b"text " * (size // 5)
    bench.file.write_bytes(content[:size])
    got = bench.save()
    assert len(got.lengths) == -(-size // FRAME)
    assert got.lengths[0] == FRAME
    assert got.lengths[1] < 10_000
    assert not got.is_changed
    assert got.sha256 == hashlib.sha256(content[:size]).hexdigest()
    assert bench.stored(got) == content[:size]
    assert max(bench.done) >= FRAME


def test_what_is_compressed_already_is_never_held_whole(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    fill, lengths = reading.fill, list[int]()

    def fill_and_tell(file: int, buffer: memoryview) -> int:
        lengths.append(len(buffer))
        return fill(file, buffer)

    monkeypatch.setattr(reading, "fill", fill_and_tell)
    packed, text = noise(FRAME), b"text " * FRAME
    bench.file.write_bytes(packed + text[:FRAME] + packed + text[:FRAME] + packed[:MIB] + b"end")
    content = bench.file.read_bytes()
    got = bench.save()
    assert lengths == [*[MIB] * 8, FRAME] * 2 + [MIB, 3]
    assert [length < MIB for length in got.lengths] == [False, True, False, True, False]
    assert got.sha256 == hashlib.sha256(content).hexdigest()
    assert bench.stored(got) == content


def test_a_file_that_only_grows_is_stored_once_and_counts_as_changed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = noise(FRAME + 5)
    bench.file.write_bytes(content)

    def grow() -> None:
        with bench.file.open("ab") as file:
            file.write(b"more")

    meddle(monkeypatch, *[grow] * 50)
    got = bench.save()
    assert got.is_changed
    assert bench.packs.stored_bytes == FRAME + 5
    assert bench.stored(got) == content


def test_a_file_that_is_only_touched_is_stored_once_and_does_not_count(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.file.write_bytes(noise(FRAME + 5))
    meddle(monkeypatch, lambda: os.utime(bench.file))
    got = bench.save()
    assert not got.is_changed
    assert bench.packs.stored_bytes == FRAME + 5
    assert got.seen.st_mtime_ns == bench.file.stat().st_mtime_ns


def test_a_file_that_changes_once_inside_is_stored_as_it_became(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    content = noise(FRAME + 5)
    bench.file.write_bytes(content)

    def change() -> None:
        with bench.file.open("r+b") as file:
            file.write(b"changed")

    meddle(monkeypatch, change)
    got = bench.save()
    assert not got.is_changed
    assert bench.stored(got) == b"changed" + content[7:]


def test_a_file_that_never_keeps_still_counts_as_changed_after_three_readings(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.file.write_bytes(noise(FRAME + 5))

    def change() -> None:
        with bench.file.open("r+b") as file:
            file.write(os.urandom(8))

    meddle(monkeypatch, *[change] * 500)
    got = bench.save()
    assert got.is_changed
    assert bench.packs.stored_bytes == 3 * (FRAME + 5)
    assert hashlib.sha256(bench.stored(got)).hexdigest() == got.sha256


def test_a_file_that_is_cut_and_grows_while_read_keeps_its_frames_whole(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.file.write_bytes(noise(3 * FRAME))
    fill = reading.fill

    def fill_then_cut_or_grow(file: int, buffer: memoryview) -> int:
        count = fill(file, buffer)
        is_first = os.lseek(file, 0, os.SEEK_CUR) == FRAME
        os.truncate(bench.file, FRAME + 77 if is_first else 3 * FRAME)
        return count

    monkeypatch.setattr(reading, "fill", fill_then_cut_or_grow)
    got = bench.save()
    assert got.is_changed
    assert len(got.lengths) == -(-got.size // FRAME)
    assert hashlib.sha256(bench.stored(got)).hexdigest() == got.sha256


def test_one_large_file_after_the_other_leaves_the_first_as_it_was(bench: Bench) -> None:
    kept = []
    for seed in (1, 2):
        bench.file.write_bytes(noise(FRAME + 77, seed))
        kept.append(bench.save())
    for seed, content in zip((1, 2), kept, strict=True):
        assert bench.stored(content) == noise(FRAME + 77, seed)


def test_content_that_the_base_has_is_not_stored_again(bench: Bench) -> None:
    content = noise(FRAME + 5)
    bench.file.write_bytes(content)
    known = record(3, size=len(content), sha256=hashlib.sha256(content).hexdigest())
    got = bench.save({known.sha256: known}.get, is_base=True)
    assert got.known is known
    assert got.sha256 == known.sha256
    assert bench.packs.stored_bytes == 0


def test_content_that_changes_while_it_is_compared_is_stored(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    content = noise(FRAME + 5)
    bench.file.write_bytes(content)
    known = record(3, size=len(content), sha256=hashlib.sha256(content).hexdigest())

    def change() -> None:
        with bench.file.open("r+b") as file:
            file.write(b"changed")

    meddle(monkeypatch, change)
    got = bench.save({known.sha256: known}.get, is_base=True)
    assert got.known is None
    assert bench.stored(got) == b"changed" + content[7:]


def test_a_disk_that_breaks_fails_the_backup_by_name(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.file.write_bytes(noise(2 * FRAME))

    def fail() -> None:
        raise OSError(5, "Input/output error")

    meddle(monkeypatch, lambda: None, fail)
    with pytest.raises(FilesUnreadable, match="a in the uploaded files cannot be read"):
        bench.save()
