"""Brings the demo up, piece by piece, watches over it, and takes it down again."""

import ipaddress
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Self
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command

from .children import Child, wait_until
from .failures import DemoFailed
from .folder import Folder, free_port
from .places import CHECKOUT, PLACES, Ground
from .postgres import Postgres
from .supervisor import Supervisor

UP_WITHIN_SECONDS = 60
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Ended(KeyboardInterrupt):
    """Somebody ended the demo: by Ctrl-C, by TERM, or by closing the terminal."""


class Demo:
    """Everything that the demo runs. Leaving it ends what it started, in the opposite order."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.folder = Folder(Path(settings.DATA_DIR) / "demo")
        self.children: list[Child] = []
        self.grounds: list[Ground] = []

    def __enter__(self) -> Self:
        for number in SIGNALS:
            signal.signal(number, _end)
        self.folder.take()
        return self

    def __exit__(self, *_: object) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # the ending itself is not interrupted
        for child in reversed(self.children):
            child.end()

    def prepare_portal(self) -> None:
        """The portal's own database, and the files of its pages."""
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)

    def start_databases(self) -> None:
        """The server for the apps' databases; where each app lives."""
        sockets = self.folder.sockets()
        server = Postgres(self.folder.path / "postgres", sockets / "pg", pass_fds=(self.folder.lock,))
        (sockets / "pg").mkdir(mode=0o700, exist_ok=True)
        server.start()
        self.children.append(server.child)
        self.grounds = [Ground(place, self.folder, server) for place in PLACES]
        for ground in self.grounds:
            ground.make()

    def start_apps(self) -> Supervisor:
        supervisor = Supervisor(self.folder.path, self.folder.sockets(), self.folder.logs)
        supervisor.write(self.grounds)
        self._start("supervisord", supervisor.arguments())
        return supervisor

    def start_portal(self) -> str:
        """The web server and the workers. Returns the address at which the portal answers."""
        wished = urlsplit(settings.BASE_URL)
        host, port = host_of(wished.hostname or ""), wished.port or 80
        free = free_port(port, port + 100, host=host)
        if free != port:
            self.say(f"Port {port} is taken; the portal is on {free}.")
        base_url = f"http://{wished.hostname}:{free}"
        environ = {"PORTAL_ALLOW_OLD_CLIENTS": "true", **os.environ, "PORTAL_BASE_URL": base_url}
        server = [sys.executable, "-m", "gunicorn", "portal.wsgi", "--bind", f"{host}:{free}"]
        server += ["--worker-class", "gthread", "--workers", "2", "--threads", "8", "--no-control-socket"]
        self._start("the web server", server, environ)
        self._start("the workers", [sys.executable, "manage.py", "work"], environ)
        self._wait_for(f"http://{host}:{free}/health")
        return base_url

    def watch(self) -> None:
        """Sit by until a signal comes.

        Raises:
            DemoFailed: a piece ended by itself.
        """
        while True:
            for child in self.children:
                if child.has_ended:
                    raise DemoFailed(f"{child.name} has ended: {child.last_words()}")
            time.sleep(0.5)

    def _start(self, name: str, arguments: list[str], environ: dict[str, str] | None = None) -> None:
        log = self.folder.logs / f"{name.removeprefix('the ').replace(' ', '-')}.log"
        child = Child(name, arguments, log=log, environ=environ, cwd=CHECKOUT, pass_fds=(self.folder.lock,))
        self.children.append(child)

    def _wait_for(self, address: str) -> None:
        """Until the portal says that it is well: its worker's sign of life included."""

        def is_up() -> bool:
            return answers(address) or any(child.has_ended for child in self.children)

        wait_until(is_up, UP_WITHIN_SECONDS, every_seconds=0.2)
        for child in self.children:
            if child.has_ended:
                raise DemoFailed(f"{child.name} does not start: {child.last_words()}")
        if not answers(address):
            raise DemoFailed(f"The portal does not say that it is well at {address}; see {self.folder.logs}.")


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - an address of our own
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def host_of(name: str) -> str:
    """Where to listen: at the base URL's own address, or at this machine's alone when it is a name."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return "127.0.0.1"


def _end(number: int, _: FrameType | None) -> None:
    raise Ended(signal.Signals(number).name)
