"""The portal in a process of its own, which can be killed in the middle of everything and started again."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page

from tests.workers import ROOT, eventually, offspring_of

OpenSite = Callable[..., Page]


class Site:
    """One web server with one worker, always on the same port."""

    def __init__(self, environ: dict[str, str], log: Path) -> None:
        self.environ, self.log = environ, log
        with closing(socket.create_server(("127.0.0.1", 0))) as listener:
            self.port = listener.getsockname()[1]
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "portal.wsgi", "-k", "gthread", "-w", "1", "--threads", "8"]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, "-b", f"127.0.0.1:{self.port}", "--no-control-socket"],
                cwd=ROOT,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        eventually(self._answers)

    def kill(self) -> None:
        """Without any notice: the server and its worker."""
        family = [self.process.pid, *offspring_of(self.process.pid)]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


@pytest.fixture
def site(transactional_db: None, process_environ: dict[str, str], tmp_path: Path) -> Iterator[Site]:
    own = {"DJANGO_SETTINGS_MODULE": "tests.web_settings", "PORTAL_ALLOW_OLD_CLIENTS": "true"}
    site = Site({**process_environ, **own}, tmp_path / "site.log")
    yield site
    site.kill()
    sys.stdout.write(site.log.read_text())  # shown by pytest when the test failed


@pytest.fixture
def open_site(chromium: Browser, site: Site) -> Iterator[OpenSite]:
    """A page of a person who is signed in there. Errors in it fail the test."""
    contexts, errors = [], []

    def open_(person: User, *, has_script: bool = True, width: int = 1440) -> Page:
        client = Client()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        viewport = {"width": width, "height": 900}
        context = chromium.new_context(
            viewport=viewport,  # type: ignore[arg-type]
            java_script_enabled=has_script,
            reduced_motion="reduce",
            base_url=site.address,
        )
        contexts.append(context)
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site.address}])
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []
