"""Packs: files one after the other, closed beyond a limit, read back, and any range of any file."""

import os
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from backups.errors import StoredDiffers, StoredMissing, VaultUnreachable
from backups.storage.columns import FRAME, FileRecord
from backups.storage.packs import PackReader, PackWriter
from backups.storage.reading import Freezer
from backups.storage.stored import read_back
from backups.storage.vault import DirectoryVault, Vault

from .test_manifest import record
from .test_stored import Altering
from .trip import everything, noise, threads

MIB = 1 << 20


def writer(vault: Vault, limit: int = 64 * MIB) -> PackWriter:
    return PackWriter(vault, lambda number: f"packs/{number}", limit=limit)


def put(packs: PackWriter, plain: bytes) -> tuple[str, FileRecord]:
    """Store a file in as many frames as it takes."""
    place, lengths = packs.begin(), []
    for at in range(0, len(plain), FRAME):
        frame = Freezer().freeze(plain[at : at + FRAME])
        packs.append(frame)
        lengths.append(len(frame))
    packs.end()
    return place.pack, record(0, size=len(plain), offset=place.offset, frames=lengths)


def test_files_read_back_as_they_were(vault: Vault) -> None:
    plains = [b"", b"x", b"text " * 100_000, noise(300_000, 1), bytes(FRAME), bytes(FRAME + 1)]
    with writer(vault) as packs:
        kept = [put(packs, plain) for plain in plains]
        packs.finish()
    reader = PackReader(vault)
    for plain, (pack, one) in zip(plains, kept, strict=True):
        assert b"".join(reader.content(pack, one)) == plain


def test_what_compression_does_not_help_is_stored_as_it_is(vault: Vault) -> None:
    plain = noise(500_000, 2)
    with writer(vault) as packs:
        _, one = put(packs, plain)
        packs.finish()
    assert one.frames == [len(plain)]
    assert b"".join(vault.stream("packs/0")) == plain


def test_a_pack_closes_beyond_its_limit_and_never_splits_a_file(vault: Vault) -> None:
    with writer(vault, limit=1000) as packs:
        places = [packs.put(bytes([number]) * 400) for number in range(7)]
        stored = packs.finish()
    assert [place.pack for place in places] == ["packs/0"] * 3 + ["packs/1"] * 3 + ["packs/2"]
    assert [place.offset for place in places] == [0, 400, 800, 0, 400, 800, 0]
    assert [one.size for one in stored] == [1200, 1200, 400]
    assert packs.stored_bytes == 2800
    for one in stored:
        read_back(vault, one)


def test_without_files_there_is_no_pack(vault: Vault) -> None:
    with writer(vault) as packs:
        assert packs.finish() == []
    assert everything(vault) == set()


def test_any_range_of_a_file_of_several_frames(vault: Vault) -> None:
    text = b"0123456789abcdef" * (FRAME // 16)
    plain = text + noise(FRAME, 3) + text[: MIB + 3]
    with writer(vault) as packs:
        put(packs, b"before")
        pack, one = put(packs, plain)
        put(packs, b"after")
        packs.finish()
    reader, chance = PackReader(vault, block=MIB, blocks=2), random.Random(4)
    edges = [0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 2 * FRAME + 5, len(plain)]
    ranges = [(start, stop) for start in edges for stop in edges]
    ranges += [(chance.randrange(len(plain)), chance.randrange(len(plain))) for _ in range(30)]
    for start, stop in ranges:
        assert b"".join(reader.content(pack, one, start, stop)) == plain[start:stop], (start, stop)
    assert b"".join(reader.content(pack, one, 5)) == plain[5:]
    assert b"".join(reader.content(pack, one, 5, len(plain) + 99)) == plain[5:]


def test_pieces_are_small_and_memory_stays_flat_whatever_the_size(vault: Vault) -> None:
    with writer(vault) as packs:
        pack, one = put(packs, b"0123456789abcdef" * (4 * FRAME // 16) + os.urandom(2 * FRAME))
        packs.finish()
    tracemalloc.start()
    try:
        longest = max(len(piece) for piece in PackReader(vault, block=MIB, blocks=2).content(pack, one))
        assert longest <= MIB
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()


class Counting(DirectoryVault):
    """A vault that counts what is asked of it."""

    reads = 0

    def stream(self, name: str, start: int = 0, length: int | None = None, block: int = 1 << 20) -> Iterator[bytes]:
        self.reads += 1
        return super().stream(name, start, length, block)


def test_reading_forward_asks_for_each_block_once(tmp_path: Path) -> None:
    vault = Counting(location=tmp_path)
    with writer(vault) as packs:
        kept = [put(packs, os.urandom(10_000)) for _ in range(300)]
        packs.finish()
    vault.reads, reader = 0, PackReader(vault, block=MIB, blocks=2)
    for pack, one in kept:
        assert len(b"".join(reader.content(pack, one))) == 10_000
    assert vault.reads == 3


def test_a_closed_pack_is_read_back_and_a_difference_stops_the_writer(tmp_path: Path) -> None:
    vault = Altering(tmp_path, "flip")
    with pytest.raises(StoredDiffers), writer(vault, limit=1000) as packs:
        packs.put(bytes(2000))
        packs.finish()
    assert threads() == set()


def test_a_disk_full_at_the_sync_stops_the_writer_and_keeps_no_part(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(VaultUnreachable, match="No space left"), writer(vault, limit=1000) as packs:
        packs.put(b"x")
        monkeypatch.setattr(os, "fsync", full)
        packs.put(bytes(2000))
        while packs.wait(0.1):
            packs.put(bytes(2000))
    monkeypatch.undo()
    assert everything(vault) == set()


def test_abort_drops_the_open_pack_and_ends_the_thread(vault: Vault) -> None:
    packs = writer(vault, limit=1000)
    for _ in range(5):
        packs.put(bytes(1001))
    packs.put(b"open")
    assert threads()
    packs.abort()
    packs.abort()
    assert threads() == set()
    assert not [name for name in everything(vault) if name.startswith("unfinished") or name == "packs/5"]


class TestDamage:
    def kept(self, vault: Vault) -> tuple[str, FileRecord, bytes]:
        plain = b"some text that compresses " * 1000
        with writer(vault) as packs:
            pack, one = put(packs, plain)
            packs.finish()
        return pack, one, b"".join(vault.stream(pack))

    def put_back(self, vault: Vault, name: str, content: bytes) -> PackReader:
        vault.delete(name)
        with vault.create(name) as one:
            one.write(content)
            one.commit()
        return PackReader(vault)

    def test_a_missing_pack_is_said_to_be(self, vault: Vault) -> None:
        with pytest.raises(StoredMissing):
            list(PackReader(vault).content("packs/0", record(0)))

    def test_a_cut_pack_is_noticed(self, vault: Vault) -> None:
        pack, one, stored = self.kept(vault)
        for length in range(0, len(stored), 7):
            reader = self.put_back(vault, pack, stored[:length])
            with pytest.raises(StoredDiffers):
                list(reader.content(pack, one))

    def test_other_bytes_or_another_length_are_noticed(self, vault: Vault) -> None:
        pack, one, stored = self.kept(vault)
        reader = self.put_back(vault, pack, b"x" * len(stored))
        with pytest.raises(StoredDiffers, match="damaged"):
            list(reader.content(pack, one))
        reader = self.put_back(vault, pack, stored)
        for size in (one.size - 1, one.size + 1):
            with pytest.raises(StoredDiffers):
                list(reader.content(pack, one._replace(size=size)))
