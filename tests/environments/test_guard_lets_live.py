"""What a command that starts something may leave running, and when it is taken along all the same."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from environments.programs import GUARD, Program
from tests.workers import eventually, is_running

# Four ways in which people's scripts start an app; each writes the app's process id.
SCRIPTS = {
    "plain": "{app} & echo $! > {pid}",
    "nohup, silent": "nohup {app} >/dev/null 2>&1 & echo $! > {pid}",
    "session": "setsid {app} & while ! test -s {pid}; do sleep 0.01; done",
    "group": "set -m; {app} & echo $! > {pid}",
}
OWN_GROUP = ("session", "group")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Path]:
    """A program that says something again and again, and ends when it cannot; where it writes its process id."""
    pid = tmp_path / "pid"
    talk = f"while :; do echo here >&2; echo there; echo x >> {tmp_path}/beats; sleep 0.02; done"
    (tmp_path / "app").write_text(f"#!/bin/sh\necho $$ > {pid}\n{talk}\n")
    (tmp_path / "app").chmod(0o755)
    yield tmp_path / "app"
    if pid.exists():
        for end in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError):
                end(int(pid.read_text()), signal.SIGKILL)


def script(app: Path, name: str, then: str = "") -> list[str]:
    text = SCRIPTS[name].format(app=app, pid=app.parent / "pid")
    return ["bash", "-c", f"{text}\nwhile ! test -s {app.parent / 'beats'}; do sleep 0.01; done\n{then}"]


def pid_of(app: Path) -> int:
    return int((app.parent / "pid").read_text())


def beats_of(app: Path) -> int:
    return (app.parent / "beats").stat().st_size


def goes_on(app: Path) -> bool:
    """Whether it still runs, and has gone on saying things for a while."""
    before = beats_of(app)
    eventually(lambda: beats_of(app) > before + 40 or not is_running(pid_of(app)))
    return is_running(pid_of(app))


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_a_start_command_leaves_running_lives_on_and_may_talk(app: Path, name: str) -> None:
    with Program(script(app, name), environ={}, lets_live=True) as program:
        program.wait(lambda: None)
        assert program.exit_code == 0

    assert goes_on(app)


@pytest.mark.parametrize("name", SCRIPTS)
def test_without_that_nothing_outlives_its_command(app: Path, name: str) -> None:
    with Program(script(app, name), environ={}) as program:
        program.wait(lambda: None)
        assert program.exit_code == 0

    assert not is_running(pid_of(app))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_start_command_that_fails_takes_along_what_made_no_group_of_its_own(app: Path, name: str) -> None:
    with Program(script(app, name, "echo no licence >&2; exit 3"), environ={}, lets_live=True) as program:
        program.wait(lambda: None)
        assert program.exit_code == 3
        assert "no licence" in program.last_words

    eventually(lambda: name in OWN_GROUP or not is_running(pid_of(app)))
    assert is_running(pid_of(app)) == (name in OWN_GROUP)


@pytest.mark.parametrize("name", ["plain", "session"])
def test_a_lost_worker_ends_the_start_command_but_not_an_app_of_its_own(app: Path, name: str) -> None:
    command = script(app, name, f"echo $$ > {app.parent / 'command'}; exec sleep 60")
    guard = [sys.executable, "-I", "-S", str(GUARD)]
    code = f"import os, subprocess; subprocess.run({guard!r} + [str(os.getpid()), '--lets-live', '--', *{command!r}])"
    with subprocess.Popen([sys.executable, "-c", code], start_new_session=True) as worker:
        eventually(lambda: (app.parent / "command").exists() and (app.parent / "command").read_text())

        worker.kill()

        eventually(lambda: not is_running(int((app.parent / "command").read_text())))
    eventually(lambda: name in OWN_GROUP or not is_running(pid_of(app)))
    assert is_running(pid_of(app)) == (name in OWN_GROUP)


def test_the_app_is_no_likelier_to_be_ended_when_memory_is_short_than_its_worker(app: Path) -> None:
    with Program(script(app, "plain"), environ={}, lets_live=True) as program:
        program.wait(lambda: None)

    own = Path("/proc/self/oom_score_adj").read_text()
    assert Path(f"/proc/{pid_of(app)}/oom_score_adj").read_text() == own
