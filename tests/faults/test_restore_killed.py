"""A worker killed at every step of a restore: exactly the old data or exactly the new, and the app runs again."""

import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from backups.operations.restore import request_restore
from backups.operations.undo import request_undo
from environments.choices import Status
from environments.lifecycle.reaper import reap
from environments.lifecycle.run import run_here
from environments.models import Environment, Operation
from portal.config import ROOT
from tests.apps import App
from tests.backups.operations.test_restore import (
    BY,
    back_up,
    change,
    leftovers,
    restore,
    state,
)
from tests.faults.killed import RESTORE_STEPS
from tests.faults.length import steps_of_this_run

pytestmark = pytest.mark.django_db(transaction=True)


def perform_and_die(operation: Operation, step: str, environ: dict[str, str]) -> None:
    command = [sys.executable, "-m", "tests.faults.killed", str(operation.pk), step]
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == -signal.SIGKILL, done.stderr


def recover(operation: Operation) -> Operation:
    """What two passes of the reaper make of it once the lease is over."""
    for _ in range(2):
        Operation.objects.filter(pk=operation.pk, status=Status.RUNNING).update(
            lease_until=timezone.now() - timedelta(seconds=1)
        )
        reap()
    operation.refresh_from_db()
    return operation


@pytest.mark.parametrize("step", steps_of_this_run(RESTORE_STEPS))
def test_a_restore_killed_at(step: str, place: Environment, real_app: App, process_environ: dict[str, str]) -> None:
    old = state(place)
    backup = back_up(place)
    change(place)
    changed = state(place)
    operation = request_restore(backup, into=place, by=BY, confirm=None, may_stop_app=True, is_rung=False)
    perform_and_die(operation, step, process_environ)

    operation = recover(operation)

    ends_new = RESTORE_STEPS[step][1]
    assert operation.status == (Status.COMPLETED if ends_new else Status.FAILED), operation.message
    assert state(place) == (old if ends_new else changed)
    assert real_app.is_running
    assert leftovers(place) == []
    assert ("unchanged" in operation.message) is not ends_new
    if not ends_new:
        assert restore(backup, place).status == Status.COMPLETED
        assert state(place) == old
    undone = run_here(request_undo(place, by=BY, confirm=None, is_rung=False))
    assert undone.status == Status.COMPLETED, undone.message
    assert state(place) == changed
