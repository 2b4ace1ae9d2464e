"""Any range of a zip is the same slice of the whole, and costs only what lies in it."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.storage.vault import BLOCK, DirectoryVault
from tests import rich

from ..taken import Taken, keep, whole
from .trip import noise

PACKS = "/packs/"


class CountingVault(DirectoryVault):
    """Counts the bytes that are read, by what they are of."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.read: dict[str, int] = {}

    def stream(self, name: str, start: int = 0, length: int | None = None, block: int = BLOCK) -> Iterator[bytes]:
        for piece in super().stream(name, start, length, block):
            self.read[name] = self.read.get(name, 0) + len(piece)
            yield piece

    def from_packs(self) -> int:
        return sum(size for name, size in self.read.items() if PACKS in name)


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    """Small packs, files of many frames, odd names, 2,500 entries in three lines of the manifest."""
    root = tmp_path_factory.mktemp("files")
    rich.fill_tree(root, small=2500)
    (root / "several").write_bytes(noise(9 << 20) + b"0" * (9 << 20) + noise(100))
    return keep(root, CountingVault(location=tmp_path_factory.mktemp("vault")), limit=1 << 20)


@pytest.fixture(scope="module")
def full(taken: Taken) -> bytes:
    return whole(taken.archive())


@given(st.data())
def test_a_range_is_the_same_slice_of_the_whole(taken: Taken, full: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(full) - 1))
    stop = data.draw(st.one_of(st.integers(start, min(start + 3000, len(full))), st.integers(start, len(full))))

    assert b"".join(taken.archive().stream(start, stop)) == full[start:stop]


@pytest.mark.parametrize("mark", [b"PK\3\4", b"PK\1\2"])
def test_ranges_around_each_header(taken: Taken, full: bytes, mark: bytes) -> None:
    archive, at, chance = taken.archive(), -1, random.Random(5)
    places = []
    while (at := full.find(mark, at + 1)) >= 0:
        places.append(at)

    for place in chance.sample(places, 60):
        for start, stop in ((place, place + 1), (place - 1, place + 47), (place + 3, place + 300)):
            assert b"".join(archive.stream(max(start, 0), stop)) == full[max(start, 0) : stop]


def test_ranges_one_after_the_other_are_the_whole(taken: Taken, full: bytes) -> None:
    archive, step = taken.archive(), 1_234_567
    parts = [b"".join(archive.stream(at, min(at + step, len(full)))) for at in range(0, len(full), step)]

    assert b"".join(parts) == full


def test_the_files_alone_have_ranges_too(taken: Taken) -> None:
    full = whole(taken.archive(has_dump=False))

    for start in range(0, len(full), len(full) // 37):
        assert b"".join(taken.archive(has_dump=False).stream(start, start + 999)) == full[start : start + 999]


def test_a_range_reads_only_what_lies_in_it(taken: Taken, full: bytes) -> None:
    assert isinstance(taken.vault, CountingVault)
    place = full.index(b"tree/several") + (17 << 20)
    archive = taken.archive()

    taken.vault.read.clear()
    assert b"".join(archive.stream(place, place + 1000)) == full[place : place + 1000]

    assert taken.vault.from_packs() <= 1 << 20
    assert not any(name.endswith("db.backup") for name in taken.vault.read)


def test_the_end_is_made_without_any_file_and_without_the_list_of_them(taken: Taken, full: bytes) -> None:
    assert isinstance(taken.vault, CountingVault)
    archive = taken.archive()

    taken.vault.read.clear()
    assert b"".join(archive.stream(len(full) - 100, len(full))) == full[-100:]

    assert taken.vault.read == {}


def test_the_length_costs_the_end_of_the_manifest(taken: Taken, full: bytes) -> None:
    assert isinstance(taken.vault, CountingVault)
    taken.vault.read.clear()

    assert taken.archive().length == len(full)

    assert sum(taken.vault.read.values()) < 20_000
    assert set(taken.vault.read) == {taken.reader.name}


def test_the_first_bytes_come_before_the_list_is_read(taken: Taken) -> None:
    assert isinstance(taken.vault, CountingVault)
    archive = taken.archive()
    taken.vault.read.clear()

    assert next(archive.stream()).startswith(b"PK\3\4")

    assert taken.vault.from_packs() == 0


def test_a_tar_has_no_ranges(taken: Taken) -> None:
    archive = taken.archive(is_tar=True)

    assert not archive.is_rangeable
    with pytest.raises(ValueError, match="no ranges"):
        archive.stream(1)


def test_handles_are_closed_when_nobody_reads_on(taken: Taken) -> None:
    before = handles()
    for is_tar in (True, False):
        stream = taken.archive(is_tar=is_tar).stream()
        next(stream), next(stream)
        assert handles() > before
        stream.close()  # type: ignore[attr-defined]
        assert handles() == before


def handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
