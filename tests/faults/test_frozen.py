"""A worker that is frozen at a step for longer than its lease, and wakes when others have brought it to a whole end."""

import signal
import subprocess
import sys

import pytest

from backups.operations.restore import request_restore
from backups.operations.undo import request_undo
from environments.choices import Status
from environments.lifecycle.run import run_here
from environments.models import Environment, Operation
from portal.config import ROOT
from tests.apps import App
from tests.backups.operations.test_restore import BY, back_up, change, leftovers, restore, state
from tests.workers import eventually, stat

from .killed import RESTORE_STEPS
from .length import IS_LONG
from .test_restore_killed import recover

pytestmark = pytest.mark.django_db(transaction=True)
CASES = [
    ("restore", "before the staging database is made"),
    ("undo", "before the databases change names"),
    ("restore", "the databases have changed names"),
    ("restore", "before the databases change names"),
    ("restore", "before the journal is closed"),
    ("undo", "the databases have changed names"),
    ("undo", "before the journal is closed"),
]


def freeze(operation: Operation, step: str, environ: dict[str, str]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.faults.killed", str(operation.pk), step, "freeze"]
    worker = subprocess.Popen(command, env=environ, cwd=ROOT, stderr=subprocess.DEVNULL)
    eventually(lambda: stat(worker.pid)[0] == "T" or worker.poll() is not None)
    assert worker.poll() is None
    return worker


@pytest.mark.parametrize(("kind", "step"), CASES if IS_LONG else CASES[:3])
def test_it_changes_nothing_any_more(
    kind: str, step: str, place: Environment, real_app: App, process_environ: dict[str, str]
) -> None:
    backup = back_up(place)
    change(place)
    changed, new = state(place), None
    if kind == "undo":
        assert restore(backup, place).status == Status.COMPLETED
        changed, new = state(place), changed
        operation = request_undo(place, by=BY, confirm=None, is_rung=False)
    else:
        operation = request_restore(backup, into=place, by=BY, confirm=None, may_stop_app=True, is_rung=False)
    worker = freeze(operation, step, process_environ)

    operation = recover(operation)
    ends_new = RESTORE_STEPS[step][1]
    assert operation.status == (Status.COMPLETED if ends_new else Status.FAILED), operation.message
    settled = state(place)
    assert (settled == changed) is not ends_new
    worker.send_signal(signal.SIGCONT)
    worker.wait(60)

    operation.refresh_from_db()
    assert operation.status == (Status.COMPLETED if ends_new else Status.FAILED)
    assert state(place) == settled
    assert new is None or not ends_new or settled == new
    assert real_app.is_running
    assert leftovers(place) == []
    undone = run_here(request_undo(place, by=BY, confirm=None, is_rung=False)) if new or ends_new else operation
    assert undone is operation or undone.status == Status.COMPLETED, undone.message
