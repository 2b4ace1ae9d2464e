"""Stop and start: believed only when the app is really stopped, or really runs."""

import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from environments import states
from environments.actors import Actor
from environments.choices import Origin, State, Status
from environments.errors import EnvironmentBusy
from environments.lifecycle.run import run_here
from environments.models import Activity, Environment
from environments.operations import start, stop
from environments.operations.start import NothingToStart, request_start
from environments.operations.stop import request_stop
from tests.apps import App

pytestmark = pytest.mark.django_db(transaction=True)
BY = Actor("Ines Duarte", Origin.PERSON)


@pytest.fixture
def app(tmp_path: Path) -> App:
    folder = tmp_path / "app"
    folder.mkdir()
    return App(folder)


@pytest.fixture
def place(make_place: Callable[..., Environment], app: App) -> Environment:
    return make_place(commands=app.commands, name="Acceptance")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop, "WITHIN_SECONDS", 3)
    monkeypatch.setattr(start, "WITHIN_SECONDS", 3)


def test_an_app_is_stopped_and_started_again(place: Environment, app: App) -> None:
    stopped = run_here(request_stop(place, by=BY, is_rung=False))
    place.refresh_from_db()
    assert (stopped.status, place.state) == (Status.COMPLETED, State.STOPPED)
    assert not app.is_running

    started = run_here(request_start(place, by=BY, is_rung=False))
    place.refresh_from_db()
    assert (started.status, place.state) == (Status.COMPLETED, State.RUNNING)
    assert app.is_running
    actions = set(Activity.objects.filter(environment=place).values_list("action", flat=True))
    assert actions >= {"stop.requested", "stop.completed", "start.requested", "start.completed"}


def test_an_app_that_lies_about_being_stopped_is_seen_by_its_sessions(place: Environment, app: App) -> None:
    address = place.database_address
    with psycopg.connect(
        host=address.host,
        port=address.port,
        dbname=address.name,
        user=address.user,
        password=address.password,
        application_name="order-desk",
    ):
        operation = run_here(request_stop(place, by=BY, is_rung=False))

    assert operation.status == Status.FAILED
    assert "1 session (order-desk, " in operation.message


@pytest.fixture
def holder(place: Environment) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the app that works in the uploaded files."""
    code = "import sys, time; print(flush=True); time.sleep(600)"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=place.files_directory, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield process
        process.kill()


def test_a_process_in_the_uploaded_files_means_not_stopped(place: Environment, holder: subprocess.Popen[bytes]) -> None:
    operation = run_here(request_stop(place, by=BY, is_rung=False))

    assert operation.status == Status.FAILED
    assert f"({holder.pid})" in operation.message


def test_an_app_that_does_not_stop_is_said_to_run(place: Environment, app: App) -> None:
    place.commands |= {"stop": shlex.join([sys.executable, "-c", "pass"])}
    place.save()

    operation = run_here(request_stop(place, by=BY, is_rung=False))

    assert operation.status == Status.FAILED
    assert "Acceptance is running" in operation.message


def test_an_app_that_does_not_start_is_said(place: Environment, app: App) -> None:
    app.flag.unlink()
    place.commands |= {"start": shlex.join([sys.executable, "-c", "pass"])}
    place.save()

    operation = run_here(request_start(place, by=BY, is_rung=False))

    assert operation.status == Status.FAILED
    assert "does not run" in operation.message


def flapping(tmp_path: Path, *codes: int) -> str:
    """A status command that answers with these codes, one after the other, and then begins again."""
    turns = tmp_path / "turns"
    code = (
        f"import os, sys; turns = {str(turns)!r}; open(turns, 'a').write('x'); "
        f"sys.exit({list(codes)}[(os.path.getsize(turns) - 1) % {len(codes)}])"
    )
    return shlex.join([sys.executable, "-I", "-S", "-c", code])


def test_an_app_that_comes_back_is_not_stopped(place: Environment, tmp_path: Path) -> None:
    place.commands |= {"status": flapping(tmp_path, 0, 3)}
    place.save()

    operation = run_here(request_stop(place, by=BY, is_rung=False))

    assert operation.status == Status.FAILED
    assert "was asked to stop and did not" in operation.message


def test_an_app_that_does_not_stay_up_is_not_started(place: Environment, tmp_path: Path) -> None:
    place.commands |= {"status": flapping(tmp_path, 0, 3)}
    place.save()

    operation = run_here(request_start(place, by=BY, is_rung=False))

    assert operation.status == Status.FAILED
    assert "does not run" in operation.message


def test_an_empty_environment_has_nothing_to_start(place: Environment) -> None:
    place.package = None
    place.save()

    with pytest.raises(NothingToStart):
        request_start(place, by=BY)


def test_stopped_without_a_package_is_empty(place: Environment, app: App) -> None:
    app.flag.unlink()
    place.package = None

    assert states.look(place) == State.EMPTY


def test_stop_and_start_exclude_each_other(place: Environment) -> None:
    request_stop(place, by=BY, is_rung=False)

    with pytest.raises(EnvironmentBusy, match="A stop"):
        request_start(place, by=BY)


def test_what_a_person_says_is_believed_only_without_sessions(place: Environment) -> None:
    place.commands = {}
    place.save()

    assert "cannot tell" in states.why_not_stopped(place)
    assert states.why_not_stopped(place, said_by_hand=True) == ""
