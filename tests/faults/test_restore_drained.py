"""A worker told to stop in a restore: before the exchange it backs out and hands back; within it, it ends it."""

from typing import Any

import pytest

from backups.engines import staging
from backups.operations import exchange
from backups.operations.restore import request_restore
from environments.choices import Status
from environments.lifecycle import drain
from environments.lifecycle.run import run
from environments.models import Environment
from tests.apps import App
from tests.backups.operations.test_restore import BY, back_up, change, leftovers, state

from .length import steps_of_this_run

pytestmark = pytest.mark.django_db(transaction=True)

STEPS = {
    "before the load": (staging, "load", False),
    "when the app is to stop": (exchange, "stop_app", False),
    "before the journal says so": (exchange, "_begin", True),
    "when databases change names": (exchange.databases, "swap", True),
    "when the app is to start": (exchange, "start_app", True),
}


@pytest.mark.parametrize("step", steps_of_this_run(STEPS))
def test_a_restore_told_to_stop(step: str, place: Environment, real_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, is_too_late = STEPS[step]
    real, is_on = getattr(owner, name), [False]

    def told(*arguments: Any, **named: Any) -> Any:
        is_on[0] = True
        return real(*arguments, **named)

    old, backup = state(place), back_up(place)
    change(place)
    changed = state(place)
    operation = request_restore(backup, into=place, by=BY, confirm=None, may_stop_app=True, is_rung=False)
    monkeypatch.setattr(drain, "is_on", lambda: is_on[0])
    monkeypatch.setattr(owner, name, told)

    run(operation.pk)

    operation.refresh_from_db()
    if not is_too_late:
        assert (operation.status, state(place)) == (Status.QUEUED, changed)
        assert real_app.is_running
        assert leftovers(place) == []
        monkeypatch.setattr(owner, name, real)
        is_on[0] = False
        run(operation.pk)
        operation.refresh_from_db()
    assert (operation.status, state(place)) == (Status.COMPLETED, old), operation.message
    assert real_app.is_running
