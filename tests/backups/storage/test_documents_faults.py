"""Faults while the uploaded files are stored: a clear error, no thread, no half object, and the next run works."""

import errno
import os
import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest

from backups.errors import Failed, FilesUnreadable, StoredDiffers, VaultUnreachable
from backups.storage.columns import FRAME
from backups.storage.sweep import sweep
from backups.storage.vault import DirectoryVault, DirectoryWriter, Vault

from .test_stored import Altering
from .trip import ENVIRONMENT, Kept, contents, everything, keep, noise, threads, tree

MIB = 1 << 20
CHANCE = random.Random(20260726)


@pytest.fixture
def filled(root: Path) -> Path:
    """Files enough for threads, several packs of a MiB, and frames."""
    for number in range(90):
        path = root / f"folder {number % 5}" / f"file {number}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(noise(90_000, number))
    (root / "folder 2" / "large").write_bytes(noise(2 * FRAME + 77))
    return root


@contextmanager
def failing_cleanly(vault: Vault) -> Iterator[None]:
    """Whatever fails inside: no thread, no open file, and after a sweep nothing new in the vault."""
    before, handles = everything(vault), len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    yield
    assert threads() == set()
    assert len(os.listdir("/proc/self/fd")) <= handles  # noqa: PTH208
    assert not [name for name in everything(vault) if name.startswith("unfinished")]
    for _ in range(2):
        sweep(vault, ENVIRONMENT, ATTEMPT, 1)
    assert everything(vault) == before


ATTEMPT = uuid4()


def keep_again(root: Path, vault: Vault, base: Kept | None = None) -> None:
    """The same request works once the fault is gone."""
    kept = keep(root, vault, base, backup=ATTEMPT, limit=MIB)
    assert contents(vault, kept) == tree(root)


class Cancelled(Exception):
    pass


class Beats:
    """Counts beats, and ends the work at one of them."""

    def __init__(self, last: int = 10**9) -> None:
        self.count, self.last = 0, last

    def __call__(self, done: int, total: int | None) -> None:
        self.count += 1
        if self.count == self.last:
            raise Cancelled


@pytest.mark.parametrize("is_first", [True, False])
def test_ended_at_any_moment_nothing_stays(filled: Path, vault: Vault, is_first: bool) -> None:
    base = None if is_first else keep(filled, vault, limit=MIB)
    for number in range(0, 90, 2):
        (filled / f"folder {number % 5}" / f"file {number}").write_bytes(noise(80_000, 1000 + number))
    counting = Beats()
    keep(filled, vault, base, beat=counting, backup=ATTEMPT, limit=MIB)
    sweep(vault, ENVIRONMENT, ATTEMPT, 1)
    assert counting.count >= 8
    for moment in range(1, counting.count + 1):
        with failing_cleanly(vault), suppress(Cancelled):
            keep(filled, vault, base, beat=Beats(moment), backup=ATTEMPT, limit=MIB)
    keep_again(filled, vault, base)


class Full(DirectoryVault):
    """A disk with so many bytes left."""

    left = 10**12

    def create(self, name: str) -> DirectoryWriter:
        return FullWriter(self, name)


class FullWriter(DirectoryWriter):
    def _put(self, file: int, block: memoryview) -> int:
        assert isinstance(self._vault, Full)
        self._vault.left -= len(block)
        if self._vault.left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super()._put(file, block)


def test_a_disk_that_fills_at_any_byte_keeps_nothing_of_the_backup(filled: Path, tmp_path: Path) -> None:
    vault = Full(location=tmp_path / "vault")
    vault.settle()
    base = keep(filled, vault, limit=MIB)
    for path in filled.glob("*/*"):
        path.write_bytes(noise(path.stat().st_size, 5000 + len(path.name)))
    vault.left = 10**12
    keep_again(filled, vault, base)
    whole = 10**12 - vault.left
    sweep(vault, ENVIRONMENT, ATTEMPT, 1)
    for left in [0, 10, *CHANCE.sample(range(whole - 10_000), 12)]:
        vault.left = left
        with failing_cleanly(vault), pytest.raises(VaultUnreachable, match="No space left in the vault"):
            keep(filled, vault, base, backup=ATTEMPT, limit=MIB)
    vault.left = 10**12
    keep_again(filled, vault, base)


def test_a_real_limit_on_a_files_size_is_a_full_disk(filled: Path, vault: Vault) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in CHANCE.sample(range(100, MIB), 3):
        with failing_cleanly(vault), pytest.raises(VaultUnreachable, match="No space left in the vault"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            try:
                keep(filled, vault, backup=ATTEMPT, limit=MIB)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    keep_again(filled, vault)


class Unmounting:
    """At one beat the vault's disk goes away; an empty folder may be left in its place."""

    def __init__(self, vault: DirectoryVault, last: int, *, is_empty_left: bool) -> None:
        self.place, self.left, self.is_empty_left = Path(vault.location), last, is_empty_left
        self.away = self.place.with_name("away")

    def __call__(self, done: int, total: int | None) -> None:
        self.left -= 1
        if not self.left:
            self.place.rename(self.away)
            if self.is_empty_left:
                self.place.mkdir()

    def mount_again(self) -> None:
        if self.is_empty_left:
            self.place.rename(self.place.with_name(f"empty {uuid4()}"))
        self.away.rename(self.place)


@pytest.mark.parametrize("is_empty_left", [False, True])
@pytest.mark.parametrize("moment", [1, 4, 8, 12])
def test_a_vault_unmounted_meanwhile_fails_the_backup(
    filled: Path, tmp_path: Path, moment: int, is_empty_left: bool
) -> None:
    vault = DirectoryVault(location=tmp_path / "vault")
    vault.settle()
    disk = Unmounting(vault, moment, is_empty_left=is_empty_left)
    with pytest.raises(Failed, match="vault"):
        keep(filled, vault, beat=disk, backup=ATTEMPT, limit=MIB)
    disk.mount_again()
    assert threads() == set()
    sweep(vault, ENVIRONMENT, ATTEMPT, 1)
    assert everything(vault) == set()
    keep_again(filled, vault)


@pytest.mark.parametrize("alter", ["flip", "cut", "append"])
def test_a_vault_that_keeps_other_bytes_fails_the_backup(filled: Path, tmp_path: Path, alter: str) -> None:
    vault = Altering(tmp_path / "vault", alter)
    vault.settle()
    with failing_cleanly(vault), pytest.raises(StoredDiffers):
        keep(filled, vault, backup=ATTEMPT, limit=MIB)


def test_a_file_that_cannot_be_read_in_a_thread_fails_the_backup_by_name(
    filled: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_open = os.open

    def refuse(path: str | Path, flags: int, *args: int, **kwargs: int) -> int:
        if path == "file 77":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real_open(path, flags, *args, **kwargs)

    with failing_cleanly(vault), monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        with pytest.raises(FilesUnreadable, match=r"folder 2/file 77 .* cannot be read \(Permission denied\)"):
            keep(filled, vault, backup=ATTEMPT, limit=MIB)
    keep_again(filled, vault)


def test_an_error_of_whoever_computes_along_ends_everything_too(filled: Path, vault: Vault) -> None:
    class Broken:
        def add_files(self, columns: object) -> None:
            raise ZeroDivisionError

        def add_folders(self, columns: object) -> None:
            raise ZeroDivisionError

    with failing_cleanly(vault), pytest.raises(ZeroDivisionError):
        keep(filled, vault, backup=ATTEMPT, limit=MIB, sums=Broken())
