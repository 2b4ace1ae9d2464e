"""A vault of each kind, and a tree."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backups.storage.vault import DirectoryVault, Vault

from .trip import threads


@pytest.fixture(params=["directory"])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Vault:
    """An empty vault. Every kind must pass the same tests."""
    made = DirectoryVault(location=tmp_path / "vault")
    made.settle()
    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty tree of uploaded files."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert threads() == set()
