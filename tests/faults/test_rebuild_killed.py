"""Bringing the catalogue back, killed by SIGKILL between any two of its effects; then it is simply run again."""

import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from backups.models import Backup
from backups.operations.mark import mark_vault
from backups.storage.vault import open_vault
from environments import clock
from environments.models import Activity, Environment, Operation
from portal.config import ROOT
from tests.backups.operations.lost import held, listed, lose, rebuilt, store
from tests.factories import BackupFactory, EnvironmentFactory

from .killed_rebuild import STEPS
from .length import steps_of_this_run

pytestmark = pytest.mark.django_db(transaction=True)
BACKUPS = 7


@pytest.mark.parametrize("step", steps_of_this_run(STEPS))
def test_killed_when(step: str, process_environ: dict[str, str]) -> None:
    mark_vault(open_vault())
    place = EnvironmentFactory(slug="live")
    for days in range(BACKUPS):
        moment = clock.now() - timedelta(days=days)
        store(BackupFactory(environment=place, operation__origin="person", created_at=moment, comment=f"day {days}"))
    before, objects = listed(str(place)), held()
    lose()

    command = [sys.executable, "-m", "tests.faults.killed_rebuild", step]
    killed = subprocess.run(command, env=process_environ, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert Backup.objects.count() == Operation.objects.count() < BACKUPS + 1
    rebuilt()

    assert listed(str(place)) == before
    assert held() == objects
    assert Environment.objects.get().name == "Live"
    assert Activity.objects.filter(action="backup.found").count() == BACKUPS
