"""What a dead attempt stored goes, and nothing else."""

from pathlib import Path
from uuid import uuid4

import pytest

from backups.errors import VaultUnreachable
from backups.storage import names
from backups.storage.sweep import sweep
from backups.storage.vault import DirectoryVault, Vault
from tests.stores.vaults import every_kind

from .test_vault import store
from .test_walk import make
from .trip import ENVIRONMENT, contents, everything, keep, tree

BACKUP = uuid4()


@every_kind
def test_everything_of_the_attempt_goes_finished_or_not(vault: Vault) -> None:
    place = (ENVIRONMENT, BACKUP, 2)
    store(vault, names.manifest(*place), b"x")
    store(vault, names.pack(*place, 0), b"x")
    store(vault, names.pack(*place, 11), b"x")
    left = [vault.create(names.dump(*place)), vault.create(names.pack(*place, 12))]
    sweep(vault, *place)
    assert everything(vault) == set()
    sweep(vault, *place)
    for writer in left:
        writer.abort()


@every_kind
def test_other_attempts_backups_and_environments_stay(vault: Vault) -> None:
    others = [(ENVIRONMENT, BACKUP, 1), (ENVIRONMENT, BACKUP, 22), (ENVIRONMENT, uuid4(), 2), (uuid4(), BACKUP, 2)]
    for place in others:
        store(vault, names.manifest(*place), b"x")
        store(vault, names.pack(*place, 0), b"x")
    writing = vault.create(names.pack(ENVIRONMENT, BACKUP, 1, 1))
    before = everything(vault)
    sweep(vault, ENVIRONMENT, BACKUP, 2)
    assert everything(vault) == before
    writing.abort()


def test_a_base_stays_whole_when_what_was_built_upon_it_is_swept(root: Path, vault: Vault) -> None:
    make(root, "a", "b")
    base = keep(root, vault)
    before = tree(root)
    make(root, "c")
    built = keep(root, vault, base)
    sweep(vault, ENVIRONMENT, built.backup, 1)
    assert contents(vault, base) == before


def test_an_unmounted_vault_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(VaultUnreachable):
        sweep(DirectoryVault(location=tmp_path / "gone"), ENVIRONMENT, BACKUP, 1)
