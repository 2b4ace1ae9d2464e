"""A vault in a directory, and what its disk may do to it."""

import errno
import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backups.errors import VaultUnreachable
from backups.storage.destination import write_all
from backups.storage.vault import WRITTEN, DirectoryVault, open_vault

from .test_vault import store


@pytest.fixture
def vault(tmp_path: Path) -> DirectoryVault:
    made = DirectoryVault(location=tmp_path / "vault")
    made.settle()
    return made


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, function: str, code: int) -> Iterator[None]:
    """Lets the system refuse one of its functions."""

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(os, function, fail)
        yield


def test_the_vault_of_the_settings_is_a_directory() -> None:
    assert isinstance(open_vault(), DirectoryVault)


def test_only_the_portal_may_read_what_is_stored(vault: DirectoryVault) -> None:
    store(vault, "a/b", b"x")
    assert Path(vault.path("a/b")).stat().st_mode & 0o777 == 0o600
    assert Path(vault.path("a")).stat().st_mode & 0o777 == 0o700


def test_data_is_synced_before_its_name_and_its_name_before_commit_returns(
    vault: DirectoryVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def synced(handle: int) -> None:
        events.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink().name}")
        fsync(handle)

    def renamed(self: Path, target: Path) -> Path:
        events.append(f"rename {self.name}")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "rename", renamed)
    store(vault, "folder/object", b"x")
    assert events == ["sync vault", "sync .object.part", "rename .object.part", "sync folder"]


def test_a_vault_that_is_not_mounted_is_never_made_anew(vault: DirectoryVault) -> None:
    Path(vault.location).rmdir()
    for attempt in (
        lambda: vault.create("a"),
        lambda: list(vault.stream("a")),
        lambda: vault.exists("a"),
        lambda: vault.size("a"),
        lambda: vault.listdir(""),
        lambda: vault.unfinished("a"),
        lambda: vault.delete("a"),
        lambda: vault.discard("a"),
    ):
        with pytest.raises(VaultUnreachable, match=r"is not there\. .*Mount its disk"):
            attempt()
    assert not Path(vault.location).exists()


def test_a_vault_that_vanishes_while_it_is_written_is_said_to_be_gone(vault: DirectoryVault) -> None:
    with vault.create("a") as writer:
        writer.write(b"x")
        Path(vault.location).rename(f"{vault.location}.gone")
        with pytest.raises(VaultUnreachable, match="is not there"):
            writer.commit()


def test_a_full_disk_is_said_to_be_full_and_keeps_nothing(vault: DirectoryVault) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.raises(VaultUnreachable, match="No space left in the vault"), vault.create("a/b") as writer:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        try:
            writer.write(bytes(1001))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(Path(vault.location).iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_only_at_the_sync_is_said_to_be_full(
    vault: DirectoryVault, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    writer = vault.create("a/b")
    writer.write(b"x")
    with failing(monkeypatch, "fsync", code), pytest.raises(VaultUnreachable, match="No space left"):
        writer.commit()
    assert vault.unfinished("a") == []
    assert not vault.exists("a/b")


def test_a_read_only_vault_is_said_to_be_one(vault: DirectoryVault, monkeypatch: pytest.MonkeyPatch) -> None:
    store(vault, "a/b", b"x")
    with failing(monkeypatch, "open", errno.EROFS), pytest.raises(VaultUnreachable, match="can only be read"):
        vault.create("a/c")
    with failing(monkeypatch, "mkdir", errno.EROFS), pytest.raises(VaultUnreachable, match="can only be read"):
        vault.create("b/c")


def test_a_disk_that_breaks_says_how(vault: DirectoryVault, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = vault.create("a")
    with (
        failing(monkeypatch, "write", errno.EIO),
        pytest.raises(VaultUnreachable, match=r"does not answer \(Input/output error\)"),
    ):
        writer.write(b"x")
    writer.abort()


@pytest.fixture
def nobodys_vault() -> Iterator[DirectoryVault]:
    """A vault in which this process has no rights: root's own do not count for chmod, so it becomes nobody."""
    with tempfile.TemporaryDirectory(prefix="portal-vault-") as folder:
        made = DirectoryVault(location=folder)
        store(made, "a/b", b"x")
        Path(folder).chmod(0)
        own = os.geteuid()
        try:
            if own == 0:
                os.seteuid(65534)
            yield made
        finally:
            if own == 0:
                os.seteuid(own)
            Path(folder).chmod(0o700)


def test_a_vault_without_rights_is_said_to_be_one(nobodys_vault: DirectoryVault) -> None:
    for attempt in (
        lambda: nobodys_vault.create("a/c"),
        lambda: list(nobodys_vault.stream("a/b")),
        lambda: nobodys_vault.listdir("a"),
        lambda: nobodys_vault.exists("a/b"),
        lambda: nobodys_vault.delete("a/b"),
    ):
        with pytest.raises(VaultUnreachable, match="has no rights in the vault"):
            attempt()


def test_save_is_refused_because_it_leaves_half_files(vault: DirectoryVault) -> None:
    with pytest.raises(NotImplementedError):
        vault.save("a", object())


def test_a_folder_that_is_dropped_again_does_not_stop_a_writer(
    vault: DirectoryVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleting drops empty folders, at worst the one that a writer made a moment ago."""
    open_file, dropped = os.open, []

    def drop_first(path: Path, flags: int, *args: int, **kwargs: int) -> int:
        if flags & os.O_CREAT and not dropped:
            dropped.append(path)
            vault.delete("a/other")
        return open_file(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", drop_first)
    store(vault, "a/b", b"x")
    assert dropped
    assert b"".join(vault.stream("a/b")) == b"x"


def test_long_blocks_are_written_in_short_ones(vault: DirectoryVault, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths, write = [], os.write

    def noted(handle: int, block: memoryview) -> int:
        lengths.append(len(block))
        return write(handle, block)

    block = os.urandom(2 * WRITTEN + 1)
    path = Path(vault.location) / "beside"
    with path.open("wb") as file, monkeypatch.context() as patched:
        patched.setattr(os, "write", noted)
        store(vault, "long", block)
        write_all(file.fileno(), block)
    assert lengths == [WRITTEN, WRITTEN, 1] * 2
    assert path.read_bytes() == b"".join(vault.stream("long")) == block
