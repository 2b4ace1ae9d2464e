"""Two schedulers as processes of their own, set off at the same instant: one backup an environment and slot."""

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.models import Backup
from environments.models import Activity, Environment, Operation
from portal.config import ROOT
from tests.backups.operations.nights import regions, since
from tests.factories import EnvironmentFactory

pytestmark = pytest.mark.django_db(transaction=True)
SLOT = datetime(2026, 11, 24, 19, tzinfo=UTC)
ROUNDS, SCHEDULERS, PLACES = 12, 3, 7


@pytest.fixture
def places(db: None) -> list[Environment]:
    regions()
    return [since(place, SLOT - timedelta(hours=1)) for place in EnvironmentFactory.create_batch(PLACES)]


def begin(folder: Path, environ: dict[str, str]) -> subprocess.Popen[str]:
    moments = [(SLOT + timedelta(days=number)).isoformat() for number in range(ROUNDS)]
    command = [sys.executable, "-m", "tests.faults.scheduler", str(folder), *moments]
    return subprocess.Popen(
        command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )


def heard(scheduler: subprocess.Popen[str]) -> list[str]:
    """Its lines until it is ready for the next round, or has ended."""
    assert scheduler.stdout
    lines = []
    for line in scheduler.stdout:
        if line == "ready\n":
            return lines
        lines.append(line)
    return lines


def test_of_one_slot_there_is_one_backup(
    places: list[Environment], tmp_path: Path, process_environ: dict[str, str]
) -> None:
    schedulers = [begin(tmp_path, process_environ) for _ in range(SCHEDULERS)]
    try:
        for number in range(ROUNDS):
            assert all(heard(one) is not None for one in schedulers)
            (tmp_path / str(number)).touch()
        ended = [one.communicate(timeout=120) for one in schedulers]
    finally:
        for one in schedulers:
            one.kill()

    assert [one.returncode for one in schedulers] == [0] * SCHEDULERS, ended
    assert not any("locked" in errors for _, errors in ended)
    nights = Backup.objects.values_list("environment", "slot_at")
    assert set(Counter(nights).values()) == {1}
    assert Backup.objects.count() == Operation.objects.count() == ROUNDS * PLACES
    assert Activity.objects.filter(action="create.requested").count() == ROUNDS * PLACES


def test_the_command_started_twice_makes_nothing_twice(
    places: list[Environment], process_environ: dict[str, str]
) -> None:
    command = [sys.executable, "manage.py", "nightly_backups", "--now", SLOT.isoformat()]
    started = [subprocess.Popen(command, env=process_environ, cwd=ROOT) for _ in range(2)]

    assert [one.wait(120) for one in started] == [0, 0]
    assert Backup.objects.count() == Operation.objects.count() == PLACES
