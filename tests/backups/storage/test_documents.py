"""The uploaded files: stored once, read only when they must be, and back byte for byte."""

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from backups.storage import base, large, reading
from backups.storage.columns import FRAME, FileColumns, FolderColumns
from backups.storage.manifest import ManifestReader, ManifestWriter
from backups.storage.vault import Vault
from backups.storage.walk import FoundFile

from .test_manifest import record
from .test_vault import store
from .test_walk import ODD_NAMES, make
from .trip import contents, everything, files_in, keep, noise, rows, tree

MIB = 1 << 20


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the files that were opened."""
    paths: list[str] = []

    def watching(open_file: Callable[..., object]) -> Callable[..., object]:
        def watched(found: FoundFile) -> object:
            paths.append(found.path)
            return open_file(found)

        return watched

    monkeypatch.setattr(reading, "open_file", watching(reading.open_file))
    monkeypatch.setattr(large, "open_file", watching(large.open_file))
    return paths


@pytest.fixture
def filled(root: Path) -> Path:
    """A tree of 200 files of every size up to two frames."""
    for number in range(200):
        path = root / f"folder {number % 7}" / f"file {number}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(noise(number * 37, number) + b"text " * number * 20)
    (root / "large").write_bytes(noise(FRAME + 77))
    (root / "empty").write_bytes(b"")
    (root / "no files").mkdir()
    return root


def test_a_tree_comes_back_byte_for_byte(filled: Path, vault: Vault) -> None:
    kept = keep(filled, vault)
    assert contents(vault, kept) == tree(filled)
    assert kept.saved.files_count == 202
    assert kept.saved.files_bytes == sum(len(one) for one in tree(filled).values() if one)
    assert kept.saved.folders_count == 8
    assert kept.reader.end["files_count"] == 202


def test_odd_names_come_back_byte_for_byte(root: Path, vault: Vault) -> None:
    make(root, *ODD_NAMES, *[b"folder/" + name + b"/x" for name in ODD_NAMES])
    kept = keep(root, vault)
    assert contents(vault, kept) == tree(root)
    assert keep(root, vault, kept).saved.stored_bytes == 0


def test_an_empty_tree_is_a_backup(root: Path, vault: Vault) -> None:
    kept = keep(root, vault)
    assert contents(vault, kept) == {}
    assert kept.saved.packs == []
    assert contents(vault, keep(root, vault, kept)) == {}


def test_modes_owners_and_times_are_kept(root: Path, vault: Vault) -> None:
    make(root, "a/b")
    (root / "a" / "b").chmod(0o4751)
    (root / "a").chmod(0o1750)
    os.utime(root / "a" / "b", ns=(1, 1_234_567_890_123_456_789))
    kept = keep(root, vault)
    file, folder = next(kept.reader.files()), next(kept.reader.folders())
    seen = (root / "a" / "b").stat()
    assert (file.mode, file.uid, file.gid) == (0o4751, seen.st_uid, seen.st_gid)
    assert file.mtime_ns == 1_234_567_890_123_456_789
    assert (file.ctime_ns, file.inode) == (seen.st_ctime_ns, seen.st_ino)
    assert (folder.mode, folder.mtime_ns) == (0o1750, (root / "a").stat().st_mtime_ns)


def test_nothing_changed_means_nothing_read_and_nothing_stored(filled: Path, vault: Vault, opened: list[str]) -> None:
    first = keep(filled, vault)
    opened.clear()
    packs = {name for name in everything(vault) if "/packs/" in name}
    second = keep(filled, vault, first)
    assert opened == []
    assert second.saved.stored_bytes == 0
    assert {name for name in everything(vault) if "/packs/" in name} == packs
    assert rows(second) == rows(first)
    assert contents(vault, second) == tree(filled)
    assert second.stored_names() == first.stored_names()


def test_only_what_changed_is_read_and_stored(filled: Path, vault: Vault, opened: list[str]) -> None:
    first = keep(filled, vault)
    before = tree(filled)
    opened.clear()
    (filled / "folder 3" / "file 3").write_bytes(noise(5000, 999))
    (filled / "folder 3" / "new").write_bytes(noise(6000, 998))
    (filled / "folder 0" / "file 7").unlink()
    second = keep(filled, vault, first)
    assert sorted(opened) == ["folder 3/file 3", "folder 3/new"]
    assert second.saved.stored_bytes == 11_000
    assert contents(vault, second) == tree(filled)
    assert contents(vault, first) == before


def test_a_third_backup_still_names_the_packs_of_the_first(filled: Path, vault: Vault) -> None:
    first = keep(filled, vault)
    make(filled, "later")
    second = keep(filled, vault, first)
    make(filled, "latest")
    third = keep(filled, vault, second)
    assert first.stored_names() < second.stored_names() < third.stored_names()
    assert contents(vault, third) == tree(filled)
    assert {one.name: one for one in first.saved.packs}.items() <= {one.name: one for one in third.saved.packs}.items()


def test_an_edit_in_place_that_resets_the_mtime_is_found(root: Path, vault: Vault) -> None:
    make(root, "a")
    (root / "a").write_bytes(b"before")
    seen = (root / "a").stat()
    first = keep(root, vault)
    (root / "a").write_bytes(b"after!")
    os.utime(root / "a", ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert contents(vault, keep(root, vault, first)) == {b"a": b"after!"}


def test_files_that_were_young_when_the_base_was_made_are_read_again(
    filled: Path, vault: Vault, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "DISTRUSTED_NS", 3600 * 10**9)  # however long it took to write them
    first = keep(filled, vault, is_trusted=False)
    opened.clear()
    second = keep(filled, vault, first)
    assert len(opened) >= 202
    assert second.saved.stored_bytes == 0


def test_renamed_and_copied_files_are_stored_once(filled: Path, vault: Vault) -> None:
    first = keep(filled, vault)
    (filled / "folder 1").rename(filled / "another name")
    (filled / "large").rename(filled / "folder 2" / "still large")
    (filled / "folder 2" / "copy").write_bytes((filled / "folder 2" / "file 9").read_bytes())
    second = keep(filled, vault, first)
    assert second.saved.stored_bytes == 0
    assert contents(vault, second) == tree(filled)


def test_a_touched_file_is_read_and_not_stored(filled: Path, vault: Vault, opened: list[str]) -> None:
    first = keep(filled, vault)
    opened.clear()
    for name in ("folder 1/file 1", "large"):
        os.utime(filled / name)
    second = keep(filled, vault, first)
    assert opened == ["folder 1/file 1", "large"]
    assert second.saved.stored_bytes == 0
    assert rows(second)["large"].mtime_ns == (filled / "large").stat().st_mtime_ns


def test_what_the_vault_lost_is_stored_anew(filled: Path, vault: Vault) -> None:
    first = keep(filled, vault)
    make(filled, "later")
    second = keep(filled, vault, first)
    vault.delete(first.saved.packs[0].name)
    third = keep(filled, vault, second)
    assert third.saved.stored_bytes == first.saved.stored_bytes
    assert contents(vault, third) == tree(filled)


@pytest.mark.parametrize("part", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("damage", ["flipped", "cut", "missing"])
def test_a_damaged_base_costs_space_and_not_the_backup(
    root: Path, vault: Vault, damage: str, part: float, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(1300):
        (root / f"{number:04}").write_bytes(b"%d" % number)
    first = keep(root, vault)
    (root / "0000").rename(root / "moved")
    whole = bytearray(b"".join(vault.stream(first.reader.name)))
    whole[min(int(part * len(whole)), len(whole) - 1)] ^= 64
    vault.delete(first.reader.name)
    if damage != "missing":
        store(vault, first.reader.name, bytes(whole) if damage == "flipped" else bytes(whole[: int(part * len(whole))]))
    second = keep(root, vault, first)
    assert contents(vault, second) == tree(root)
    assert second.saved.stored_bytes > 0 or damage == "cut"
    if second.saved.stored_bytes:
        assert "stored anew" in caplog.text


def test_links_pipes_and_sockets_are_counted_and_named(root: Path, vault: Vault) -> None:
    make(root, "a")
    for number in range(120):
        (root / f"link {number:03}").symlink_to("a")
    os.mkfifo(root / "pipe")
    saved = keep(root, vault).saved
    assert saved.left_out == {"links": 120, "devices": 1, "unreadable": 0}
    assert saved.left_out_count == 121
    assert saved.left_out_names == [f"link {number:03}" for number in range(100)]
    assert saved.files_count == 1


def test_a_file_that_changes_while_read_is_said_to_have_changed(
    root: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(root, "a", "b", "c")
    read = reading.read_up_to

    def read_while_b_grows(file: int, length: int) -> bytes:
        with (root / "b").open("ab") as growing:
            growing.write(b"!")
        return read(file, length)

    monkeypatch.setattr(reading, "read_up_to", read_while_b_grows)
    kept = keep(root, vault)
    assert kept.saved.changed_count == 1
    assert kept.reader.end["changed_count"] == 1
    assert set(contents(vault, kept)) == {b"a", b"b", b"c"}
    monkeypatch.undo()
    assert contents(vault, keep(root, vault, kept)) == tree(root)


def test_a_file_that_outgrows_a_frame_after_it_was_seen_is_stored_whole(
    root: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(root, "a", "b", "c")
    open_file = reading.open_file

    def grow_then_open(found: FoundFile) -> object:
        if found.path == "b":
            os.truncate(root / "b", FRAME + 5)
        return open_file(found)

    monkeypatch.setattr(reading, "open_file", grow_then_open)
    kept = keep(root, vault)
    assert [row.path for row in kept.reader.files()] == ["a", "b", "c"]
    assert contents(vault, kept) == tree(root)


def test_progress_is_told_in_bytes_up_to_the_total(filled: Path, vault: Vault) -> None:
    told: list[int] = []
    kept = keep(filled, vault, beat=lambda done, total: told.append(done))
    assert told == sorted(told)
    assert told[-1] == kept.saved.files_bytes


def test_measuring_counts_files_and_bytes(filled: Path, vault: Vault) -> None:
    saved = keep(filled, vault).saved
    assert files_in(filled).measure() == (saved.files_count, saved.files_bytes)


def test_whoever_computes_along_sees_what_the_manifest_holds_in_its_order(filled: Path, vault: Vault) -> None:
    class Seen:
        def __init__(self) -> None:
            self.files: list[tuple[str, int, str, int]] = []
            self.folders: list[tuple[str, bool]] = []

        def add_files(self, columns: FileColumns) -> None:
            self.files += zip(columns.path, columns.size, columns.digests(), columns.crc32, strict=True)

        def add_folders(self, columns: FolderColumns) -> None:
            self.folders += zip(columns.path, columns.is_empty, strict=True)

    first, second = Seen(), Seen()
    kept = keep(filled, vault, sums=first)
    again = keep(filled, vault, kept, sums=second)
    assert first.files == [(row.path, row.size, row.sha256, row.crc32) for row in again.reader.files()]
    assert first.folders == [(row.path, row.is_empty) for row in again.reader.folders()]
    assert (second.files, second.folders) == (first.files, first.folders)


def test_memory_does_not_grow_with_the_bases_files(root: Path, vault: Vault) -> None:
    make(root, *[f"folder {number:05}/new" for number in range(0, 100, 9)])
    store(vault, "packs/0", b"12345")
    with ManifestWriter(vault, "base", {}) as manifest:
        manifest.number_of("packs/0")
        for number in range(60_000):
            manifest.add_file(record(number, pack=0))
        manifest.finish({"packs": [["packs/0", 5, "ab"]]})
    base = keep(root, vault)
    base.reader = ManifestReader(vault, "base")
    tracemalloc.start()
    try:
        keep(root, vault, base)
        assert tracemalloc.get_traced_memory()[1] < 10 * MIB
    finally:
        tracemalloc.stop()
