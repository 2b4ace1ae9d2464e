"""Apps that do not stop, lie about it, come back, or do not start: what becomes of a restore, and what is said."""

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from backups.operations.undo import request_undo
from environments import states
from environments.choices import State, Status
from environments.lifecycle.run import run_here
from environments.models import Environment
from environments.operations import start, stop
from tests.apps import App

from .test_restore import BY, app, back_up, change, leftovers, place, restore, state

__all__ = ["app", "place"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for verb in (stop, start):
        monkeypatch.setattr(verb, "WITHIN_SECONDS", 2)
    monkeypatch.setattr(start, "STAYS_UP_SECONDS", 0.1)
    monkeypatch.setattr(states, "AGAIN_AFTER_SECONDS", 0.2)


def program(code: str) -> str:
    return shlex.join([sys.executable, "-I", "-S", "-c", code])


def untouched(app: App) -> dict[str, str]:
    return {}


def deaf(app: App) -> dict[str, str]:
    return {"stop": program("pass")}


def failing_to_stop(app: App) -> dict[str, str]:
    return {"stop": program("import sys; sys.exit('the lock is stuck')")}


def missing_stop(app: App) -> dict[str, str]:
    return {"stop": "/no/such/program"}


def coming_back(app: App) -> dict[str, str]:
    """A supervisor of its own starts it again: every second look finds it running."""
    flag, asked = str(app.flag), str(app.flag.with_name("asked"))
    code = f"""
import os, sys
looks = os.path.getsize({asked!r}) if os.path.exists({asked!r}) else 0
runs = os.path.exists({flag!r})
runs or open({asked!r}, "a").write("x")
sys.exit(0 if runs or looks % 2 else 3)
"""
    return {"status": program(code)}


def at_a_loss(app: App) -> dict[str, str]:
    """Once it was asked to stop, nobody can tell."""
    return {"status": program(f"import os, sys; sys.exit(0 if os.path.exists({str(app.flag)!r}) else 9)")}


class Stopping(NamedTuple):
    """An app that cannot be seen to be stopped; `said` is what is read, `starts` whether it has to be started again."""

    commands: Callable[[App], dict[str, str]]
    said: str
    traced: str
    has_sessions: bool = False


STOPPINGS = {
    "is deaf": Stopping(deaf, "Acceptance is running. It was asked to stop and did not", ""),
    "fails to stop": Stopping(failing_to_stop, "The stop command ended with exit code 1", ""),
    "has no stop program": Stopping(missing_stop, "stop command", ""),
    "lies": Stopping(untouched, "Acceptance still has 1 session (order-desk, ", "stop start ", has_sessions=True),
    "comes back": Stopping(coming_back, "Acceptance is running. It was asked to stop and did not", "stop "),
    "cannot be asked": Stopping(at_a_loss, "cannot tell whether Acceptance is stopped", "stop start "),
}


@contextmanager
def session(place: Environment) -> Iterator[None]:
    address = place.database_address
    with psycopg.connect(
        host=address.host,
        port=address.port,
        dbname=address.name,
        user=address.user,
        password=address.password,
        application_name="order-desk",
    ):
        yield


@pytest.mark.parametrize("name", STOPPINGS)
def test_an_app_that(name: str, place: Environment, app: App) -> None:
    stopping = STOPPINGS[name]
    backup = back_up(place)
    change(place)
    changed = state(place)
    ordinary = dict(place.commands)
    place.commands |= stopping.commands(app)
    place.save()

    with session(place) if stopping.has_sessions else nullcontext():
        operation = restore(backup, place)

    assert operation.status == Status.FAILED
    assert stopping.said in operation.message
    assert state(place) == changed
    assert leftovers(place) == []
    assert app.is_running or name == "comes back"
    assert (app.trace.read_text() if app.trace.exists() else "").startswith(stopping.traced)
    place.commands = ordinary
    place.save()
    app.start()
    assert restore(backup, place).status == Status.COMPLETED


def failing_to_start(app: App) -> dict[str, str]:
    return {"start": program("import sys; sys.exit('no licence')")}


def ending_at_once(app: App) -> dict[str, str]:
    return {"start": program("pass")}


STARTINGS = {
    "fails to start": (failing_to_start, "The start command ended with exit code 1"),
    "ends at once": (ending_at_once, "Acceptance was asked to start and does not run"),
}


@pytest.mark.parametrize("name", STARTINGS)
def test_the_new_data_stays_and_can_be_taken_back_when_the_app(name: str, place: Environment, app: App) -> None:
    was = state(place)
    backup = back_up(place)
    change(place)
    changed = state(place)
    ordinary = dict(place.commands)
    commands, said = STARTINGS[name]
    place.commands |= commands(app)
    place.save()

    operation = restore(backup, place)

    place.refresh_from_db()
    assert (operation.status, place.state) == (Status.FAILED, State.STOPPED)
    assert said in operation.message
    assert "Acceptance holds the new data." in operation.message
    assert state(place) == was
    place.commands = ordinary
    place.save()
    undone = run_here(request_undo(place, by=BY, confirm=None, is_rung=False))
    assert undone.status == Status.COMPLETED, undone.message
    assert state(place) == changed
    assert leftovers(place) == []


def test_no_app_is_started_on_a_stopped_place_when_the_restore_fails(place: Environment, app: App) -> None:
    """Whoever stopped it may have had a reason."""
    backup = back_up(place)
    app.flag.unlink()
    with session(place):
        operation = restore(backup, place)

    assert "still has 1 session" in operation.message
    assert not app.is_running
    assert not app.trace.exists()
    assert Path(place.files_directory).is_dir()
