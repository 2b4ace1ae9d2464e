"""Real workers for tests: `manage.py work` as a process of its own, on this test's database, and looks into /proc."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from django.db import connection

from environments.lifecycle.signs import PORTAL, sign_ages
from environments.programs import kill_session

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 60
Answer = TypeVar("Answer")


def eventually(question: Callable[[], Answer], within: float = PATIENCE_SECONDS) -> Answer:
    """The first true answer. Machines are shared: the deadline is far, the looks are close together."""
    deadline = time.monotonic() + within
    while not (answer := question()):
        assert time.monotonic() < deadline, "it did not come to this in time"
        time.sleep(0.03)
    return answer


def is_running(pid: int) -> bool:
    """Whether the process is there and not just waiting to be collected."""
    fields = stat(pid)
    return bool(fields) and fields[0] not in "ZX"


def stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def children_of(pid: int) -> list[int]:
    """Running processes whose parent this is, oldest first."""
    everybody = sorted(int(entry.name) for entry in Path("/proc").glob("[0-9]*"))
    return [one for one in everybody if is_running(one) and (fields := stat(one)) and fields[1] == str(pid)]


def offspring_of(pid: int) -> list[int]:
    """Children, grandchildren, …"""
    found, families = [pid], dict[str, list[int]]()
    for entry in Path("/proc").glob("[0-9]*"):
        if (fields := stat(int(entry.name))) and fields[0] not in "ZX":
            families.setdefault(fields[1], []).append(int(entry.name))
    for one in found:
        found += sorted(families.get(str(one), ()))
    return found[1:]


def _queue_of(cluster: int) -> str:
    try:
        environ = Path(f"/proc/{cluster}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    names = [one.partition(b"=")[2].decode() for one in environ if one.startswith(b"Q_CLUSTER_NAME=")]
    return names[0] if names else PORTAL


class Workers:
    """One `manage.py work`, and what it started."""

    def __init__(self, log: Path, environ: dict[str, str], *arguments: str) -> None:
        self.log = log
        self.known: set[int] = set()  # clusters once seen: they may outlive a `work` that the test killed
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "work", *arguments],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def cluster(self, queue: str) -> int:
        """The main process of this queue's cluster."""
        return eventually(lambda: next((pid for pid in children_of(self.pid) if _queue_of(pid) == queue), None)) or 0

    def workers(self, queue: str) -> list[int]:
        """The worker processes of a queue: the sentinel's first children. Its last two are monitor and pusher."""
        count = 1 if queue == PORTAL else 2
        main = self.cluster(queue)
        return eventually(
            lambda: [
                family[:count] for sentinel in children_of(main) if len(family := children_of(sentinel)) == count + 2
            ]
        )[0]

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def ended(self, within: float = PATIENCE_SECONDS) -> int:
        """Its exit code."""
        return self.process.wait(within)

    def kill(self) -> None:
        """Leave nothing behind, whatever the test did."""
        left = {self.pid, *offspring_of(self.pid), *self.known}
        self.process.kill()
        self.process.wait()
        for pid in left:
            kill_session(pid)


@pytest.fixture
def start_workers(
    transactional_db: None, process_environ: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Workers]]:
    """A function that starts workers with these arguments and environment, and returns when they show themselves."""
    started: list[Workers] = []

    def start(*arguments: str, waits: bool = True, **environ: str) -> Workers:
        own = {**process_environ, "DJANGO_SETTINGS_MODULE": "tests.worker_settings", **environ}
        workers = Workers(tmp_path / f"workers-{len(started)}.log", own, *arguments)
        started.append(workers)
        if waits:
            eventually(lambda: PORTAL in sign_ages() or workers.process.poll() is not None)
            assert workers.process.poll() is None, workers.log.read_text()
            workers.known.update(children_of(workers.pid))
        return workers

    yield start
    for workers in started:
        if workers.process.poll() is None:
            workers.signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                workers.ended(15)
        workers.kill()
        sys.stdout.write(workers.log.read_text())  # shown by pytest when the test failed
    connection.close()
