"""What all commands share: lines or JSON, exit codes, waiting, doing it here."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import CommandParser
from django.db import OperationalError, connection

from environments.actors import Actor
from environments.choices import Status
from environments.errors import Failed, Refused
from environments.lifecycle.submit import submit
from environments.management.base import PortalCommand, progress_line
from environments.models import Environment, Operation
from tests.factories import OperationFactory
from tests.workers import ROOT, eventually

Run = Callable[..., "subprocess.CompletedProcess[str]"]


class Asking(PortalCommand):
    """Asks for an operation of a kind."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("kind")
        self.add_wait(parser)

    def answer(self, **options: Any) -> None:
        place = Environment.objects.get()
        by = Actor.command_line()
        operation = submit(options["kind"], environment=place, by=by, is_rung=not options["here"])
        operation = self.see_through(operation, **options)
        self.say({"status": operation.status}, operation.status, operation.message)


class Raising(PortalCommand):
    error: Exception

    def answer(self, **_: Any) -> None:
        raise self.error


def ask(*arguments: str) -> tuple[str, str]:
    """What it says on stdout and on stderr."""
    out, err = StringIO(), StringIO()
    call_command(Asking(), *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def manage(process_environ: dict[str, str]) -> Run:
    """A function that runs manage.py as a process of its own, with the tests' kinds."""

    def manage(*arguments: str) -> "subprocess.CompletedProcess[str]":
        environ = {**process_environ, "DJANGO_SETTINGS_MODULE": "tests.worker_settings"}
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    return manage


@pytest.mark.django_db
def test_without_waiting_it_says_that_it_is_queued(environment: Environment) -> None:
    assert ask("quick") == ("Queued\n\n", "")


@pytest.mark.django_db
def test_json_is_one_object(environment: Environment) -> None:
    out, _ = ask("quick", "--json")

    assert json.loads(out) == {"status": "Queued"}


@pytest.mark.django_db(transaction=True)
def test_here_does_the_work_in_this_process(environment: Environment) -> None:
    assert ask("quick", "--here") == ("Completed\nIt was quick.\n", "")


@pytest.mark.django_db(transaction=True)
def test_what_failed_here_is_one_sentence(environment: Environment) -> None:
    with pytest.raises(CommandError, match=r"^The dump is not readable\. Nothing was stored\.$"):
        ask("failing", "--here")


@pytest.mark.django_db(transaction=True)
def test_waiting_shows_what_changes_and_returns_at_the_end(environment: Environment) -> None:
    def work() -> None:
        operation = eventually(lambda: Operation.objects.filter(status=Status.QUEUED).first())
        rows = Operation.objects.filter(pk=operation.pk)
        for percent in (10, 20):
            rows.update(status=Status.RUNNING, phase="Saving", step=1, steps=2, percent=percent)
            eventually(lambda percent=percent: f"{percent} %" in err.getvalue())
        rows.update(status=Status.COMPLETED, message="Done.")
        connection.close()

    out, err = StringIO(), StringIO()
    worker = threading.Thread(target=work)
    worker.start()
    call_command(Asking(), "quick", "--wait", stdout=out, stderr=err)
    worker.join()

    assert out.getvalue() == "Completed\nDone.\n"
    lines = err.getvalue().splitlines()
    assert lines[-2:] == ["Running, step 1 of 2: Saving, 10 %", "Running, step 1 of 2: Saving, 20 %"]
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Refused("The app still runs."), "The app still runs."),
        (Failed("The vault is full."), "The vault is full."),
        (
            OperationalError("connection refused\nIs the server running?"),
            "The portal's database does not answer as it should: connection refused",
        ),
    ],
    ids=["refused", "failed", "database"],
)
def test_whoever_calls_from_python_gets_the_sentence(error: Exception, words: str) -> None:
    command = Raising()
    command.error = error

    with pytest.raises(CommandError, match=f"^{words}$") as raised:
        call_command(command)
    assert raised.value.returncode == 1


@pytest.mark.django_db(transaction=True)
def test_the_exit_code_is_1_with_one_sentence_and_no_traceback_for_what_is_refused(manage: Run) -> None:
    done = manage("show_operation", "0a1b2c3d")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "There is no operation '0a1b2c3d'.\n"


@pytest.mark.django_db(transaction=True)
def test_the_exit_code_is_2_for_wrong_usage_alone(manage: Run) -> None:
    assert manage("show_operation").returncode == 2
    assert manage("show_operation", "0a1b2c3d", "--nonsense").returncode == 2


@pytest.mark.django_db(transaction=True)
def test_the_exit_code_is_0_when_done(manage: Run, environment: Environment) -> None:
    operation = OperationFactory(environment=environment)

    done = manage("show_operation", str(operation.pk), "--json")

    assert (done.returncode, json.loads(done.stdout)["status"], done.stderr) == (0, "Completed", "")


@pytest.mark.django_db
def test_whoever_waits_for_workers_that_are_not_there_is_told_once(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, err = [0], StringIO()

    def look_again(_: float) -> None:
        looks[0] += 1
        if looks[0] == 5:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("time.sleep", look_again)
    monkeypatch.setattr("environments.management.base.PATIENT_FOR_SECONDS", 0)

    with pytest.raises(CommandError):
        call_command(Asking(), "quick", "--wait", stdout=StringIO(), stderr=err)

    assert err.getvalue().count("No worker watches over the operations: start them with `manage.py work`.") == 1


@pytest.mark.django_db
def test_ctrl_c_while_waiting_leaves_the_operation_alone(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: os.kill(os.getpid(), signal.SIGINT))

    with pytest.raises(CommandError, match=r"Waiting has ended; operation .* goes on"):
        ask("quick", "--wait")

    assert Operation.objects.get().status == Status.QUEUED


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"status": "Queued"}, "Queued"),
        ({"status": "Queued", "phase": "Handed back"}, "Queued: Handed back"),
        (
            {"status": "Running", "phase": "Saving", "step": 2, "steps": 4, "percent": 0},
            "Running, step 2 of 4: Saving, 0 %",
        ),
    ],
    ids=["queued", "again", "running"],
)
def test_where_it_stands_is_one_line(fields: dict[str, Any], line: str) -> None:
    assert progress_line(Operation(**fields)) == line
