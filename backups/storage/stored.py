"""Streams into the vault that know what they wrote, and the proof that it is really there."""

import hashlib
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ..errors import StoredDiffers
from .vault import Vault

Tick = Callable[[], None]
"""Called every half second or so while something takes its time; may raise to end it."""


READ = 256 << 10  # stays in the processor's cache while it is hashed


def no_tick() -> None:
    """For work that nobody watches."""


class Stored(NamedTuple):
    """One object as it was written. CRC-32 only where a zip needs it."""

    name: str
    size: int
    sha256: str
    crc32: int = 0


class StoredStream:
    """One stream into the vault: `write`, then `commit`; left without commit, nothing stays."""

    def __init__(self, vault: Vault, name: str, *, has_crc: bool = True) -> None:
        self.name = name
        self.size = 0
        self._vault = vault
        self._writer = vault.create(name)
        self._sha256 = hashlib.sha256()
        self._crc32 = 0
        self._has_crc = has_crc
        self._is_open = True

    def write(self, block: bytes | memoryview) -> None:
        self._writer.write(block)
        self._sha256.update(block)
        if self._has_crc:
            self._crc32 = zlib.crc32(block, self._crc32)
        self.size += len(block)

    def commit(self, tick: Tick = no_tick) -> Stored:
        """Give it its name. `tick` is called while the disk is waited for.

        Raises: VaultUnreachable, StoredAlready; then nothing stays.
        """
        self._is_open = False
        if tick is no_tick:
            self._writer.commit()
        else:
            beside(self._writer.commit, tick)
        return Stored(self.name, self.size, self._sha256.hexdigest(), self._crc32)

    def abort(self) -> None:
        if self._is_open:
            self._is_open = False
            self._writer.abort()

    def __enter__(self) -> "StoredStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()


def read_back(vault: Vault, stored: Stored, tick: Tick = no_tick) -> None:
    """Read an object to its end and compare it with what was written.

    Raises: StoredDiffers, StoredMissing, VaultUnreachable.
    """
    for _ in read_through(vault, stored):
        tick()


def read_through(vault: Vault, stored: Stored) -> Iterator[bytes]:
    """The blocks of an object, for whoever has a use for them while it is read back. Raises as `read_back`."""
    size, sha256 = 0, hashlib.sha256()
    for block in vault.stream(stored.name, block=READ):
        sha256.update(block)
        size += len(block)
        yield block
    if (size, sha256.hexdigest()) != (stored.size, stored.sha256):
        how = "other bytes" if size == stored.size else f"{size} bytes"
        raise StoredDiffers(
            f"What was read back from the vault is not what was written: {stored.name} has {how}, "
            f"{stored.size} were written. Look at the vault's disk; nothing was built upon it."
        )


def confirm_stored(vault: Vault, named: Iterable[Stored], tick: Tick = no_tick) -> None:
    """See that every object that is named is there, with its size.

    Raises: StoredDiffers, StoredMissing, VaultUnreachable.
    """
    for one in named:
        size = vault.size(one.name)
        if size != one.size:
            raise StoredDiffers(f"{one.name} in the vault has {size} bytes and should have {one.size}.")
        tick()


def beside(work: Callable[[], None], tick: Tick) -> None:
    """Do what may block for long in a thread, and tick meanwhile. No thread is left, whatever tick raises."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="vault-sync")
    thread.start()
    try:
        while thread.is_alive():
            tick()
            thread.join(0.2)
    finally:
        thread.join()
    if failures:
        raise failures[0]
