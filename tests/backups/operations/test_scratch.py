"""Scratch: what is left on a machine whose work ended on another goes, and nothing else."""

import tempfile
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from backups.operations.exchange import scratch_of
from backups.operations.scratch import discard_left_scratch
from environments.lifecycle.reaper import reap
from environments.models import Operation
from tests.factories import OperationFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """The scratch of a machine on which nobody has worked yet."""
    settings.DATA_DIR = tmp_path
    return tmp_path / "scratch"


def scratch(operation: Operation, attempt: int) -> Path:
    made = scratch_of(operation, attempt)
    made.mkdir(parents=True)
    (made / "db.backup").write_bytes(b"a dump")
    return made


def test_what_is_over_elsewhere_goes(folder: Path) -> None:
    running, ended = OperationFactory(running=True, attempt=2), OperationFactory(failed=True, attempt=1)
    own, before, over = scratch(running, 2), scratch(running, 1), scratch(ended, 1)
    with tempfile.TemporaryDirectory(dir=folder) as other:
        reap()

        assert [one.exists() for one in (own, before, over, Path(other))] == [True, False, False, True]

    Operation.objects.filter(pk=running.pk).delete()
    discard_left_scratch()
    assert not own.exists()


def test_where_nobody_has_worked_it_does_nothing(folder: Path) -> None:
    discard_left_scratch()

    assert not folder.exists()
