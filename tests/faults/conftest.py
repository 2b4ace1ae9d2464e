"""What the tests that kill share with those of putting data back."""

from collections.abc import Callable
from pathlib import Path

import pytest

from environments.models import Environment
from tests.apps import App
from tests.backups.conftest import keep
from tests.backups.operations.test_restore import ROWS, fill

__all__ = ["keep"]


@pytest.fixture
def real_app(tmp_path: Path) -> App:
    """An app that notes what it sees when it starts."""
    folder = tmp_path / "app"
    folder.mkdir()
    return App(folder)


@pytest.fixture
def place(make_place: Callable[..., Environment], real_app: App) -> Environment:
    """Where the app runs: a database and files that are told apart from later ones."""
    environment = make_place(*ROWS, commands=real_app.commands, name="Acceptance")
    fill(environment, "old")
    return environment
