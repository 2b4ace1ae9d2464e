"""An app that its start command leaves running: it outlives the command, the operation, and the workers."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from environments.actors import Actor
from environments.choices import Origin, State, Status
from environments.models import Environment, Operation
from environments.operations.start import request_start
from environments.runtimes.choose import runtime_of
from environments.states import look
from tests.factories import EnvironmentFactory
from tests.workers import Workers, eventually, is_running

pytestmark = pytest.mark.django_db(transaction=True)
BY = Actor("Ines Duarte", Origin.PERSON)
START = """#!/bin/sh
sh -c 'while :; do echo I am here; sleep 0.1; done' &
echo $! > "$(dirname "$0")/pid"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    script = tmp_path / "start"
    script.write_text(START)
    script.chmod(0o755)
    (tmp_path / "status").write_text(f"#!/bin/sh\nkill -0 $(cat {tmp_path}/pid) 2>/dev/null || exit 3\n")
    (tmp_path / "stop").write_text(f"#!/bin/sh\nkill $(cat {tmp_path}/pid)\n")
    for name in ("status", "stop"):
        (tmp_path / name).chmod(0o755)
    yield tmp_path
    with contextlib.suppress(OSError, ValueError):
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


@pytest.fixture
def place(folder: Path) -> Environment:
    files = folder / "files"
    files.mkdir()
    commands = {name: str(folder / name) for name in ("status", "start", "stop")}
    place: Environment = EnvironmentFactory(commands=commands, files_directory=str(files))
    return place


def has_ended(operation: Operation) -> bool:
    operation.refresh_from_db()
    return operation.is_ended


def test_it_lives_on_when_the_workers_end(
    start_workers: Callable[..., Workers], place: Environment, folder: Path
) -> None:
    workers = start_workers()
    started = request_start(place, by=BY)
    eventually(lambda: has_ended(started))
    assert started.status == Status.COMPLETED, started.message
    pid = int((folder / "pid").read_text())

    workers.signal(signal.SIGTERM)
    workers.ended()
    assert is_running(pid)
    assert look(place) == State.RUNNING

    runtime_of(place).stop(lambda: None)
    eventually(lambda: not is_running(pid))
