"""A vault of each kind, and a tree."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from backups.storage.vault import DirectoryVault, Vault
from tests.stores.rclone import RcloneStore
from tests.stores.scripted import ScriptedStore
from tests.stores.vaults import s3_vault

from .trip import threads


@pytest.fixture
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Vault:
    """An empty vault: a directory, or of the kind that a module asks for by `every_kind`."""
    kind = getattr(request, "param", "directory")
    if kind == "directory":
        made = DirectoryVault(location=tmp_path / "vault")
        made.settle()
        return made
    store: RcloneStore | ScriptedStore = request.getfixturevalue(kind)
    return s3_vault(store.endpoint, f"portals/{uuid4().hex}")


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
