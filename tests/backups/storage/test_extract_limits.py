"""Bombs are stopped while they unpack: by what they would take, not by what they say."""

import os
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from backups.errors import UploadRefused
from backups.storage.extract import inspect
from backups.storage.extract_names import Seen

from . import tars, zips
from .unpacking import limits, look, no_beat, opened

MIB = 1 << 20
THOROUGH = os.environ.get("PORTAL_TEST_THOROUGH") == "1"
MANY, MOST = (200_000, 1_000_000) if THOROUGH else (20_000, 20_000)


@contextmanager
def memory_measured() -> Iterator[Callable[[], int]]:
    """Gives the most memory, in bytes, that was taken since."""
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _zeros(length: int) -> bytes:
    return zips.deflate(bytes(length), 9)


def _bomb(length: int) -> bytes:
    return tars.gzip(tars.file(b"zeros", bytes(length)) + tars.END)


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
def test_a_bomb_is_stopped_soon_after_the_ratio_counts(form: str) -> None:
    content = zips.make_zip(zips.Entry(content=bytes(80 * MIB))) if form == "zip" else _bomb(80 * MIB)
    beats = 0

    def beat(done: int, total: int) -> None:
        nonlocal beats
        beats += 1

    with opened(content) as file, memory_measured() as peak:
        with pytest.raises(UploadRefused, match="200 times"):
            inspect(file, limits(unpacked_bytes=1 << 40), beat=beat)
        assert peak() < 4 * MIB

    assert 64 * MIB / (256 << 10) <= beats <= 64 * MIB / (256 << 10) + 20


def test_what_unpacks_well_but_not_madly_is_taken() -> None:
    packed = _zeros(60 * MIB)
    assert 200 * len(packed) < 60 * MIB
    assert look(zips.make_zip(zips.Entry(content=bytes(60 * MIB), packed=packed))).bytes == 60 * MIB

    noise = os.urandom(MIB)
    both = zips.make_zip(zips.Entry(content=bytes(80 * MIB)), zips.Entry(b"noise", noise))
    assert look(both, unpacked_bytes=1 << 30).bytes == 81 * MIB


def test_a_size_that_lies_costs_no_more_than_it_says() -> None:
    """What says it is one byte is stopped with the first piece beyond it, however much would come."""
    beats: list[int] = []
    content = zips.make_zip(zips.Entry(content=bytes(8 * MIB), both={"size": 1}))
    with opened(content) as file, pytest.raises(UploadRefused) as caught:
        inspect(file, limits(unpacked_bytes=10), beat=lambda done, total: beats.append(done))
    assert caught.value.code == "wrong-size" and len(beats) < 5


def test_a_size_beyond_the_room_is_refused_before_it_is_unpacked() -> None:
    content = tars.header(size=b"\x80\0\0\0\0\0\0\xff\0\0\0\0") + b"x" * 512
    with pytest.raises(UploadRefused, match="more than 1048576 bytes"):
        look(content, unpacked_bytes=MIB)


def test_limits_are_met_exactly() -> None:
    content = zips.make_zip(zips.Entry(b"a/b/c", b"12345", 0), zips.Entry(b"a/d", b"67890", 0))
    exact: dict[str, Any] = {"unpacked_bytes": 10, "entries": 4, "depth": 3, "path_bytes": 5, "part_bytes": 1}

    assert look(content, **exact).bytes == 10
    for name, limit in exact.items():
        with pytest.raises(UploadRefused):
            look(content, **exact | {name: limit - 1})


@pytest.mark.parametrize("form", ["zip", "tar", "tar.gz"])
def test_many_entries_take_little_memory(form: str) -> None:
    content = _many_zipped(MANY) if form == "zip" else _many_tarred(MANY)
    content = tars.gzip(content) if form == "tar.gz" else content
    with opened(content) as file, memory_measured() as peak:
        assert inspect(file, limits(entries=2 * MANY), beat=no_beat).files == MANY
        assert peak() < 3 * MIB + 72 * MANY


UNSAID = {"here": 0xFFFF, "all": 0xFFFF}


def _many_zipped(count: int) -> bytes:
    return zips.make_zip(*(zips.Entry(b"%d/%d.txt" % (n % 100, n), b"", 0) for n in range(count)), wide={}, end=UNSAID)


def _many_tarred(count: int) -> bytes:
    return b"".join(tars.header(b"%d/%d.txt" % (n % 100, n)) for n in range(count)) + tars.END


def test_a_million_paths_are_remembered_in_little_memory() -> None:
    seen = Seen(limits(entries=2 * MOST))
    with memory_measured() as peak:
        for number in range(MOST):
            seen.meet(f"Folder {number % 1000}/File {number}.txt", is_folder=False)
        assert peak() < MIB // 4 + 72 * MOST

    with pytest.raises(UploadRefused):
        seen.meet("Folder 7/File 7.txt", is_folder=False)
    assert seen.meet("folder 7/new.txt", is_folder=False) == "case-clash"


def test_records_and_lists_are_read_in_time_that_grows_with_their_length() -> None:
    """170,000 records and a comment list of as many pieces would take minutes if each were cut off in turn."""
    many = b"".join(tars.record(b"%d" % n, b"") for n in range(90_000))
    assert look(tars.records(many) + tars.file() + tars.END).files == 1


def test_bytes_behind_the_end_of_what_is_packed_are_not_gathered() -> None:
    content = zips.make_zip(zips.Entry(content=b"x", packed=zips.deflate(b"x") + os.urandom(8 * MIB)))
    with opened(content) as file, memory_measured() as peak:
        with pytest.raises(UploadRefused, match="does not unpack"):
            inspect(file, limits(), beat=no_beat)
        assert peak() < 2 * MIB


def test_a_list_of_names_is_not_gathered() -> None:
    content = zips.make_zip(zips.Entry(b"NAMES.json", b'{"' + os.urandom(4 * MIB).hex().encode(), 0))
    with opened(content) as file, memory_measured() as peak:
        assert inspect(file, limits(), beat=no_beat).files == 1
        assert peak() < 3 * MIB


def test_a_name_of_many_dots_costs_nothing() -> None:
    """Cut off one by one, the dots of one name would take hours."""
    with pytest.raises(UploadRefused, match="more than 4096 bytes"):
        look(tars.records({b"path": b"./" * 500_000 + b"x"}) + tars.file() + tars.END)
    assert look(tars.records({b"path": b"./" * 8_000 + b"x"}) + tars.file() + tars.END).files == 1


def test_beats_come_while_nothing_is_read() -> None:
    """A person's wish to cancel is seen within one piece, however much one block unpacks to."""
    seen: list[tuple[int, int]] = []
    with opened(_bomb(8 * MIB)) as file:
        inspect(file, limits(), beat=lambda done, total: seen.append((done, total)))

    assert len(seen) > 8 * MIB / (256 << 10)
    assert seen == sorted(seen) and seen[-1][0] == seen[-1][1]


def test_every_entry_brings_a_beat() -> None:
    seen: list[int] = []
    for content in (_many_zipped(500), _many_tarred(500)):
        with opened(content) as file:
            inspect(file, limits(), beat=lambda done, total: seen.append(done))
    assert len(seen) > 1_000


def test_a_wish_to_stop_stops_at_once() -> None:
    class Cancelled(Exception):
        pass

    def beat(done: int, total: int) -> None:
        raise Cancelled

    with opened(_bomb(MIB)) as file, pytest.raises(Cancelled):
        inspect(file, limits(), beat=beat)
