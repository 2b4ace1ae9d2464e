"""The portal behind gunicorn, as in production, for tests whose promise is about real connections."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from tests.workers import ROOT, children_of, eventually


@dataclass
class Served:
    """One server with one worker."""

    port: int
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def worker(self) -> int:
        """The worker's process id."""
        [worker] = children_of(self.process.pid)
        return worker

    @property
    def site(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cookie(self, person: User) -> str:
        """What a browser sends in which this person is signed in."""
        client = Client()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"

    @contextmanager
    def begin(self, address: str, person: User) -> Iterator[HTTPResponse]:
        """A response whose body has yet to be read; little of it is on the way. The client goes when this is left."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.connect()
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
            connection.request("GET", address, headers={"Cookie": self.cookie(person)})
            with connection.getresponse() as response:
                yield response

    def curl(self, address: str, person: User, *options: str) -> "subprocess.CompletedProcess[bytes]":
        command = ["curl", "-sS", "-b", self.cookie(person), *options, f"{self.site}{address}"]
        return subprocess.run(command, capture_output=True, timeout=120)

    def open_in_vault(self) -> list[str]:
        """What the worker holds open of the vault."""
        found = []
        for handle in Path(f"/proc/{self.worker}/fd").iterdir():
            try:
                target = str(handle.readlink())
            except FileNotFoundError:
                continue
            if target.startswith(settings.VAULT_LOCATION):
                found.append(target)
        return found

    def peak_bytes(self) -> int:
        """The most memory that the worker ever had."""
        status = Path(f"/proc/{self.worker}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024


@contextmanager
def serving(environ: dict[str, str], log: Path) -> Iterator[Served]:
    """A server of the portal that this environment is of."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", "gunicorn", "portal.wsgi", "-k", "gthread", "-w", "1", "--threads", "4"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, "-b", f"fd://{listener.fileno()}", "--graceful-timeout", "1", "--no-control-socket"],
                cwd=ROOT,
                env=environ,
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        port = listener.getsockname()[1]
    try:
        eventually(lambda: b"Booting worker" in log.read_bytes())
        yield Served(port, process, log)
    finally:
        process.terminate()
        process.wait(30)
        sys.stdout.write(log.read_text())  # shown by pytest when the test failed


@pytest.fixture
def served(transactional_db: None, process_environ: dict[str, str], tmp_path: Path) -> Iterator[Served]:
    with serving(process_environ, tmp_path / "gunicorn.log") as server:
        yield server
