"""The base: matched in walk order, and asked for content that moved."""

import os
import tracemalloc
from pathlib import Path

import pytest

from backups.storage import base as base_module
from backups.storage.base import Base, Moved, sort_key
from backups.storage.manifest import ManifestReader
from backups.storage.stored import no_tick
from backups.storage.vault import Vault

from .test_manifest import NAME, record, write
from .test_vault import store

MIB = 1 << 20


def base_of(vault: Vault, *paths: str) -> Base:
    store(vault, "packs/0", b"12345")
    write(vault, [record(number, path=path, pack=0) for number, path in enumerate(paths)])
    return Base(ManifestReader(vault, NAME), vault)


@pytest.mark.parametrize(
    ("left", "right"),
    [("a/z", "a.txt"), ("a/b", "a-"), ("a", "a/b"), ("Z", "a"), ("z", "é"), ("\udcc3(", "é"), ("\uffff", "\U0001f642")],
)
def test_walk_order_is_by_bytes_and_depth_first(left: str, right: str) -> None:
    assert sort_key(left) < sort_key(right)


def test_paths_are_matched_whatever_came_or_went(vault: Vault) -> None:
    base = base_of(vault, "a/b", "a/d", "a.txt", "c", "e/f", "g")
    asked = ["a/a", "a/b", "a/c", "a.txt", "b", "c", "e/f", "f", "h", "i"]
    found = {path: base.match(path) for path in asked}
    assert found == {
        "a/a": -1, "a/b": 0, "a/c": -1, "a.txt": 2, "b": -1, "c": 3, "e/f": 4, "f": -1, "h": -1, "i": -1,
    }  # fmt: skip


def test_a_base_of_many_lines_is_matched_through_all_of_them(vault: Vault) -> None:
    paths = [f"{number:05}" for number in range(2500)]
    base = base_of(vault, *paths)
    for number, path in enumerate(paths):
        assert base.match(path) == number % 1000
        assert base.columns.path[number % 1000] == path


def test_a_file_is_unchanged_when_all_four_marks_are_and_none_is_young(vault: Vault, root: Path) -> None:
    (root / "a").write_bytes(b"1234")
    seen = (root / "a").stat()
    marks = {"size": seen.st_size, "mtime_ns": seen.st_mtime_ns, "ctime_ns": seen.st_ctime_ns, "inode": seen.st_ino}
    store(vault, "packs/0", b"12345")
    rows = [record(0, path="0", pack=0, **marks)]
    rows += [record(1, path=name, pack=0, **{**marks, name: value + 1}) for name, value in marks.items()]
    write(vault, rows)
    base = Base(ManifestReader(vault, NAME), vault)
    assert base.match("0") == 0
    base._trusted_before = max(seen.st_ctime_ns, seen.st_mtime_ns) + 1
    assert [base.is_unchanged(row, seen) for row in range(5)] == [True, False, False, False, False]


@pytest.mark.parametrize("moved_by", [-(10**12), 10**12])
def test_a_file_is_distrusted_when_either_of_its_times_is_young(vault: Vault, root: Path, moved_by: int) -> None:
    (root / "a").write_bytes(b"1234")
    own = (root / "a").stat()
    os.utime(root / "a", ns=(own.st_atime_ns, own.st_mtime_ns + moved_by))
    seen = (root / "a").stat()
    marks = {"size": seen.st_size, "mtime_ns": seen.st_mtime_ns, "ctime_ns": seen.st_ctime_ns, "inode": seen.st_ino}
    store(vault, "packs/0", b"12345")
    write(vault, [record(0, path="a", pack=0, **marks)])
    base = Base(ManifestReader(vault, NAME), vault)
    assert base.match("a") == 0
    base._trusted_before = max(seen.st_ctime_ns, seen.st_mtime_ns) + 1
    assert base.is_unchanged(0, seen)
    base._trusted_before -= 1
    assert not base.is_unchanged(0, seen)


def test_rows_whose_pack_was_lost_are_not_built_upon(vault: Vault, root: Path) -> None:
    base = base_of(vault, "a")
    assert base.is_there(0)
    vault.delete("packs/0")
    lost = Base(ManifestReader(vault, NAME), vault)
    assert lost.match("a") == 0
    assert not lost.is_there(0)
    assert lost.is_there(-1)
    assert Moved(lost, no_tick).find(record(0).sha256) is None


def test_content_is_found_wherever_it_lay(vault: Vault) -> None:
    store(vault, "packs/0", b"12345")
    rows = [record(number, pack=0, sha256=os.urandom(32).hex()) for number in range(3500)]
    write(vault, rows)
    moved = Moved(Base(ManifestReader(vault, NAME), vault), no_tick)
    for row in (*rows[::97], *reversed(rows[::89])):
        assert moved.find(row.sha256) == row
    assert moved.find("f" * 64) is None


def test_content_that_only_begins_alike_is_not_taken_for_the_same(vault: Vault) -> None:
    alike = ["ab" * 31 + end for end in ("00", "01", "02")]
    store(vault, "packs/0", b"12345")
    write(vault, [record(number, pack=0, sha256=sha256) for number, sha256 in enumerate(alike)])
    moved = Moved(Base(ManifestReader(vault, NAME), vault), no_tick)
    for number, sha256 in enumerate(alike):
        found = moved.find(sha256)
        assert found is not None
        assert found.size == record(number).size
    assert moved.find("ab" * 31 + "03") is None


def test_a_digest_that_two_neighbours_make_together_is_nobodys(vault: Vault) -> None:
    rows = ["0" * 32 + "a" * 32, "a" * 31 + "b" + "0" * 32, "a" * 62 + "cc"]
    store(vault, "packs/0", b"12345")
    write(vault, [record(number, pack=0, sha256=sha256) for number, sha256 in enumerate(rows)])
    assert Moved(Base(ManifestReader(vault, NAME), vault), no_tick).find("a" * 63 + "b") is None


def test_only_sizes_of_large_files_that_the_base_has_are_worth_hashing_first(vault: Vault) -> None:
    store(vault, "packs/0", b"12345")
    write(vault, [record(0, pack=0, size=9 << 20), record(1, pack=0, size=5)])
    moved = Moved(Base(ManifestReader(vault, NAME), vault), no_tick)
    assert moved.may_have(9 << 20)
    assert not moved.may_have(5)
    assert not moved.may_have((9 << 20) + 1)


def test_memory_stays_at_eight_bytes_a_file(vault: Vault) -> None:
    store(vault, "packs/0", b"12345")
    count = 100_000
    write(
        vault,
        (
            record(number, pack=0, sha256=f"{number * 0x9E3779B97F4A7C15 % (1 << 64):016x}" * 4)
            for number in range(count)
        ),
    )
    tracemalloc.start()
    try:
        moved = Moved(Base(ManifestReader(vault, NAME), vault), no_tick)
        held, peak = tracemalloc.get_traced_memory()
        assert moved.find("f" * 64) is None
        assert held < 12 * count + MIB
        assert peak < 8 * MIB
    finally:
        tracemalloc.stop()
    assert base_module.HELD_LINES < 10
