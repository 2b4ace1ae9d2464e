"""A file system is waited for, and what its disk says is heard."""

import ctypes
import errno
from pathlib import Path

import pytest

from backups.storage.synced import sync_file_system


def test_it_returns_when_all_is_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1_000_000)

    sync_file_system(tmp_path)


def test_a_disk_that_cannot_write_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        def syncfs(self, handle: int) -> int:
            ctypes.set_errno(errno.EIO)
            return -1

    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: Failing())

    with pytest.raises(OSError) as said:
        sync_file_system(tmp_path)
    assert said.value.errno == errno.EIO


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(OSError) as said:
        sync_file_system(tmp_path / "gone")

    assert said.value.errno == errno.ENOENT
