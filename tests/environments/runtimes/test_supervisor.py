"""The supervisor runtime: with nobody who answers, and with a real supervisord."""

import gc
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from environments.choices import State
from environments.errors import RuntimeRefused
from environments.runtimes.command import CommandRuntime
from environments.runtimes.supervisor import SupervisorRuntime
from tests.workers import eventually


@pytest.fixture
def lost(tmp_path: Path) -> SupervisorRuntime:
    return SupervisorRuntime(f"{tmp_path}/supervisor.sock app", CommandRuntime({}, {}))


def test_nobody_who_answers_means_unknown_and_leaves_no_socket_open(lost: SupervisorRuntime) -> None:
    assert lost.status() == State.UNKNOWN
    gc.collect()  # an open socket would be warned of, and warnings are errors


def test_what_cannot_be_asked_is_refused_with_the_place(lost: SupervisorRuntime) -> None:
    with pytest.raises(RuntimeRefused, match=r"does not answer at .*supervisor\.sock"):
        lost.stop(lambda: None)


CONFIG = """
[unix_http_server]
file={folder}/s.sock
[supervisord]
nodaemon=true
logfile={folder}/log
pidfile={folder}/pid
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[program:slow]
command=sh -c "trap 'sleep 1; exit 0' TERM; while :; do sleep 0.05; done"
autostart=false
startsecs=1
[program:broken]
command=sh -c "exit 3"
autostart=false
startretries=0
"""


@pytest.fixture
def supervisord() -> Iterator[Path]:
    """A real one; where its socket lies. Long paths of sockets fail, so it has a short one."""
    folder = Path(tempfile.mkdtemp(prefix="sv-"))
    (folder / "conf").write_text(CONFIG.format(folder=folder))
    command = [str(Path(sys.executable).with_name("supervisord")), "-c", str(folder / "conf")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        eventually(lambda: (folder / "s.sock").exists())
        yield folder / "s.sock"
        process.terminate()
    shutil.rmtree(folder)


def test_it_beats_while_an_app_takes_its_time(supervisord: Path) -> None:
    slow = SupervisorRuntime(f"{supervisord} slow", CommandRuntime({}, {}))
    beats: list[float] = []

    slow.start(lambda: beats.append(time.monotonic()))
    assert slow.status() == State.RUNNING
    slow.start(lambda: None)  # it runs already
    assert len(beats) > 3
    beats.clear()
    slow.stop(lambda: beats.append(time.monotonic()))
    assert slow.status() == State.STOPPED
    slow.stop(lambda: None)

    assert len(beats) > 3


def test_an_app_that_does_not_stay_up_is_refused(supervisord: Path) -> None:
    broken = SupervisorRuntime(f"{supervisord} broken", CommandRuntime({}, {}))

    with pytest.raises(RuntimeRefused, match=r"asked to start broken and says (BACKOFF|FATAL|EXITED)"):
        broken.start(lambda: None)
