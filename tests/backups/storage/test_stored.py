"""Streams that know what they wrote, and the proof that it is there."""

import hashlib
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from backups.errors import StoredDiffers, StoredMissing
from backups.storage.stored import Stored, StoredStream, beside, confirm_stored, no_tick, read_back
from backups.storage.vault import DirectoryVault, Vault
from tests.stores.vaults import every_kind

from .test_vault import store
from .trip import everything, threads

CONTENT = bytes(range(256)) * 5000


@every_kind
def test_a_stream_tells_size_and_sums_of_what_it_wrote(vault: Vault) -> None:
    with StoredStream(vault, "db.backup") as stream:
        for at in range(0, len(CONTENT), 3000):
            stream.write(CONTENT[at : at + 3000])
        stored = stream.commit()
    expected = Stored("db.backup", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), zlib.crc32(CONTENT))
    assert stored == expected
    read_back(vault, stored)
    confirm_stored(vault, [stored])


@every_kind
def test_a_stream_left_without_commit_leaves_nothing(vault: Vault) -> None:
    with pytest.raises(ZeroDivisionError), StoredStream(vault, "db.backup") as stream:
        stream.write(CONTENT)
        raise ZeroDivisionError
    assert everything(vault) == set()


class Altering(DirectoryVault):
    """A disk that keeps something else than it was given."""

    def __init__(self, location: Path, alter: str) -> None:
        super().__init__(location=location)
        self.alter = alter

    def stream(self, name: str, start: int = 0, length: int | None = None, block: int = 1 << 20) -> Iterator[bytes]:
        whole = bytearray(b"".join(super().stream(name, start, length, block)))
        match self.alter:
            case "flip":
                whole[len(whole) // 2] ^= 1
            case "cut":
                del whole[-1:]
            case "append":
                whole += b"trailer"
            case "swap":
                whole[0], whole[-1] = whole[-1], whole[0]
        yield bytes(whole)


@pytest.mark.parametrize("alter", ["flip", "cut", "append", "swap"])
def test_what_was_altered_on_its_way_is_noticed(tmp_path: Path, alter: str) -> None:
    vault = Altering(tmp_path, alter)
    with StoredStream(vault, "db.backup") as stream:
        stream.write(CONTENT)
        stored = stream.commit()
    with pytest.raises(StoredDiffers, match=r"not what was written: db\.backup"):
        read_back(vault, stored)


@every_kind
def test_a_named_object_that_is_missing_or_of_another_size_is_noticed(vault: Vault) -> None:
    store(vault, "a", b"12345")
    confirm_stored(vault, [Stored("a", 5, "")])
    with pytest.raises(StoredDiffers, match="has 5 bytes and should have 6"):
        confirm_stored(vault, [Stored("a", 6, "")])
    with pytest.raises(StoredMissing):
        confirm_stored(vault, [Stored("a", 5, ""), Stored("b", 5, "")])


@every_kind
def test_reading_back_ticks_and_can_be_ended(vault: Vault) -> None:
    with StoredStream(vault, "a") as stream:
        stream.write(CONTENT)
        stored = stream.commit()

    def cancel() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        read_back(vault, stored, cancel)


def test_what_blocks_is_done_beside_while_this_thread_ticks() -> None:
    ticks: list[float] = []
    beside(lambda: time.sleep(0.5), lambda: ticks.append(time.monotonic()))
    assert len(ticks) >= 2


def test_what_fails_beside_fails_here() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        beside(fail, no_tick)


def test_ending_while_something_is_done_beside_waits_for_it() -> None:
    done: list[int] = []

    def work() -> None:
        time.sleep(0.3)
        done.append(1)

    def cancel() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        beside(work, cancel)
    assert done
    assert threads() == set()
