"""A vault with two backups of one environment on its shelf."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backups.operations.mark import mark_vault
from backups.storage.vault import Vault, open_vault
from environments import clock
from environments.models import Environment
from tests.backups.operations.shelves import Shelf, noise

from .pruned import DAY, NOON


@pytest.fixture
def vault() -> Vault:
    found = open_vault()
    mark_vault(found)
    return found


@pytest.fixture
def shelf(vault: Vault, environment: Environment, tmp_path: Path) -> Iterator[Shelf]:
    """Two backups: one of 21 days ago, expired for a week, one of last night; three of four files changed between."""
    with clock.turned_to(NOON):
        shelf = Shelf(vault, environment, tmp_path / "files")
        shelf.write(**{f"{number}.bin": noise(3000, number) for number in range(4)})
        shelf.make(NOON - 21 * DAY)
        shelf.write(**{f"{number}.bin": noise(2000, 10 + number) for number in range(3)})
        shelf.make(NOON - DAY)
        yield shelf
