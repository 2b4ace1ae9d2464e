"""One file, read while it may change, vanish or turn into something else."""

import hashlib
import os
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from backports import zstd

from backups.errors import FilesUnreadable
from backups.storage import reading
from backups.storage.columns import FRAME, FileRecord
from backups.storage.reading import Content, Freezer, TooLarge
from backups.storage.walk import FoundFile, Handle, LeftOut

from .test_manifest import record
from .trip import noise


def unknown(sha256: str) -> FileRecord | None:
    return None


@pytest.fixture
def find(root: Path) -> Iterator[Callable[..., FoundFile]]:
    """Finds a file of this name, as the walk would have."""
    handle = Handle(os.open(root, os.O_RDONLY))

    def found(name: str = "a", content: bytes = b"some content") -> FoundFile:
        if not (root / name).exists():
            (root / name).write_bytes(content)
        return FoundFile(name, name, handle, (root / name).stat())

    yield found
    handle.release()


def on_read(monkeypatch: pytest.MonkeyPatch, meddle: Callable[[int], None]) -> None:
    """Lets somebody meddle right after each reading; they are told which reading it was."""
    read, count = reading.read_up_to, iter(range(100))

    def read_and_meddle(file: int, length: int) -> bytes:
        content = read(file, length)
        meddle(next(count))
        return content

    monkeypatch.setattr(reading, "read_up_to", read_and_meddle)


def plain(content: Content) -> bytes:
    return zstd.decompress(content.frame) if len(content.frame) < content.size else content.frame


def saved(found: FoundFile) -> Content:
    content = Freezer().save(found, unknown)
    assert isinstance(content, Content)
    return content


@pytest.mark.parametrize("content", [b"", b"x", b"text " * 50_000, noise(200_000), noise(100), b"y" * FRAME])
def test_a_quiet_file_is_read_once_with_all_its_sums(find: Callable[..., FoundFile], content: bytes) -> None:
    got = saved(find(content=content))
    assert plain(got) == content
    assert (got.size, got.crc32) == (len(content), zlib.crc32(content))
    assert got.sha256 == hashlib.sha256(content).hexdigest()
    assert not got.is_changed


def test_noise_is_stored_as_it_is_and_text_is_not(find: Callable[..., FoundFile]) -> None:
    assert len(saved(find("noise", noise(300_000))).frame) == 300_000
    assert len(saved(find("text", b"text " * 60_000)).frame) < 1000


def test_text_with_a_noisy_beginning_is_still_compressed(find: Callable[..., FoundFile]) -> None:
    assert len(saved(find(content=noise(9000) + b"text " * 60_000)).frame) < 20_000


def test_known_content_is_not_compressed_again(find: Callable[..., FoundFile]) -> None:
    known = record(7)
    got = Freezer().save(find(), lambda sha256: known)
    assert isinstance(got, Content)
    assert got.known is known
    assert got.frame == b""


def test_a_file_that_changed_once_is_read_again(
    find: Callable[..., FoundFile], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find()
    on_read(monkeypatch, lambda reading: (root / "a").write_bytes(b"other content") if reading == 0 else None)  # type: ignore[func-returns-value]
    got = saved(found)
    assert plain(got) == b"other content"
    assert not got.is_changed


def test_a_change_that_keeps_size_and_mtime_is_seen_by_ctime(
    find: Callable[..., FoundFile], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find()

    def meddle(reading: int) -> None:
        if reading == 0:
            (root / "a").write_bytes(b"SOME CONTENT")
            os.utime(root / "a", ns=(found.seen.st_atime_ns, found.seen.st_mtime_ns))

    on_read(monkeypatch, meddle)
    assert plain(saved(found)) == b"SOME CONTENT"


def test_a_file_that_never_keeps_still_counts_as_changed_after_three_readings(
    find: Callable[..., FoundFile], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, readings = find(), []

    def meddle(reading: int) -> None:
        readings.append(reading)
        with (root / "a").open("ab") as file:
            file.write(b"!")

    on_read(monkeypatch, meddle)
    got = saved(found)
    assert readings == [0, 1, 2]
    assert got.is_changed
    assert plain(got) == b"some content!!"
    assert got.size == 14


def test_a_file_that_shrinks_while_read_is_taken_at_the_length_that_was_read(
    find: Callable[..., FoundFile], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find(content=noise(5000))
    real_fstat = os.fstat

    def fstat_then_cut(file: int) -> os.stat_result:
        seen = real_fstat(file)
        os.truncate(root / "a", max(0, seen.st_size - 100))
        return seen

    monkeypatch.setattr(os, "fstat", fstat_then_cut)
    got = saved(found)
    monkeypatch.undo()
    assert got.is_changed
    assert got.size == len(plain(got)) < 5000


def test_a_file_that_vanished_is_skipped(find: Callable[..., FoundFile], root: Path) -> None:
    found = find()
    (root / "a").unlink()
    assert Freezer().save(found, unknown) is None


def test_a_file_that_became_a_link_is_left_out(find: Callable[..., FoundFile], root: Path) -> None:
    found = find()
    (root / "a").unlink()
    (root / "a").symlink_to("/etc/passwd")
    assert Freezer().save(found, unknown) == LeftOut("a", "links")


def test_a_file_that_became_a_pipe_is_left_out_and_not_waited_for(find: Callable[..., FoundFile], root: Path) -> None:
    found = find()
    (root / "a").unlink()
    os.mkfifo(root / "a")
    assert Freezer().save(found, unknown) == LeftOut("a", "devices")


def test_a_file_replaced_by_another_is_read_as_the_new_one(find: Callable[..., FoundFile], root: Path) -> None:
    found = find()
    (root / "b").write_bytes(b"new")
    (root / "b").rename(root / "a")
    got = saved(found)
    assert plain(got) == b"new"
    assert got.seen.st_ino == (root / "a").stat().st_ino != found.seen.st_ino


def test_a_file_that_outgrew_a_frame_is_handed_back(find: Callable[..., FoundFile], root: Path) -> None:
    found = find()
    os.truncate(root / "a", FRAME + 1)
    with pytest.raises(TooLarge):
        Freezer().save(found, unknown)


@pytest.mark.parametrize("function", ["open", "read"])
def test_a_file_that_cannot_be_read_fails_the_backup_by_name(
    find: Callable[..., FoundFile], monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    found = find("böse\n.txt")

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(os, function, fail)
        with pytest.raises(FilesUnreadable, match=r"böse\\n\.txt in the uploaded files cannot be read"):
            Freezer().save(found, unknown)


def test_what_a_writer_appends_all_the_time_is_read_as_one_of_its_moments(
    find: Callable[..., FoundFile], root: Path
) -> None:
    found, is_over = find(content=b""), threading.Event()

    def append() -> None:
        with (root / "a").open("ab", buffering=0) as file:
            for number in range(10**9):
                if is_over.is_set():
                    return
                file.write(b"%09d\n" % number)

    writing = threading.Thread(target=append)
    writing.start()
    try:
        got = [saved(found) for _ in range(50)]
    finally:
        is_over.set()
        writing.join()
    whole = (root / "a").read_bytes()
    for one in got:
        assert plain(one) == whole[: one.size]
        assert one.sha256 == hashlib.sha256(whole[: one.size]).hexdigest()
