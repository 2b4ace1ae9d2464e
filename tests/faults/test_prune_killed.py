"""Pruning killed by SIGKILL between any two of its effects, twice over; then it is simply done again."""

import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from backups.models import Backup, DeadObject
from backups.operations.mark import mark_vault
from backups.storage.survey import survey
from backups.storage.vault import open_vault
from environments import clock
from environments.choices import Status
from environments.models import Activity, Environment
from portal.config import ROOT
from tests.backups.operations.pruned import DAY, NOON, left, objects, prune
from tests.backups.operations.shelves import Shelf, noise

from .killed_prune import STEPS
from .length import steps_of_this_run

pytestmark = pytest.mark.django_db(transaction=True)
EXPIRED = 3
TIMES = 2


@pytest.fixture
def shelf(environment: Environment, tmp_path: Path) -> Shelf:
    """Three backups that have expired and one of last night; of each pack some files are still needed, or none."""
    vault = open_vault()
    mark_vault(vault)
    with clock.turned_to(NOON):
        shelf = Shelf(vault, environment, tmp_path / "files")
        for age in (25, 23, 21, 1):
            shelf.write(**{f"{number}.bin": noise(3000, 100 * age + number) for number in range(age % 5, 5)})
            shelf.write(**{f"only-{age}.bin": noise(2000, age)})
            for old in (age + 2, age + 20):
                (shelf.root / f"only-{old}.bin").unlink(missing_ok=True)
            shelf.make(NOON - age * DAY)
    return shelf


def prune_and_die(shelf: Shelf, at: datetime, step: str, environ: dict[str, str]) -> bool:
    """Whether it came to the step, and was killed there."""
    arguments = [str(shelf.environment.pk), at.isoformat(), step]
    command = [sys.executable, "-m", "tests.faults.killed_prune", *arguments]
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


@pytest.mark.parametrize("step", steps_of_this_run(STEPS))
def test_killed_when(step: str, shelf: Shelf, process_environ: dict[str, str]) -> None:
    [newest, *_] = left(shelf.environment)
    kills = 0
    for at in (NOON, NOON + DAY + timedelta(minutes=1)):
        for _ in range(TIMES):
            if not prune_and_die(shelf, at, step, process_environ):
                break
            kills += 1
            assert shelf.read(newest) == shelf.saved[newest.pk]
            whole = Backup.objects.filter(environment=shelf.environment).usable()
            assert all(shelf.read(backup) == shelf.saved[backup.pk] for backup in whole)
    assert kills

    for count in (2, 4, 6):
        with clock.turned_to(NOON + count * DAY):
            shelf.make(NOON + count * DAY - timedelta(hours=1))
        assert prune(shelf.environment, NOON + count * DAY).status == Status.COMPLETED

    assert len(left(shelf.environment)) == 4
    assert all(shelf.read(backup) == shelf.saved[backup.pk] for backup in left(shelf.environment))
    assert Activity.objects.filter(action="backup.removed").count() == EXPIRED
    check_that_nothing_is_left_over(shelf)


def check_that_nothing_is_left_over(shelf: Shelf) -> None:
    found = survey(shelf.vault, shelf.environment.pk)
    assert (found.dead, found.half_dead) == (set(), [])
    assert not DeadObject.objects.exists()
    folders = {name.split("/backups/")[1].split("/")[0] for name in objects(shelf.vault) if "/backups/" in name}
    assert folders == {f"{backup.pk}.1" for backup in left(shelf.environment)}
