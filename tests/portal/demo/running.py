"""A demo in a process of its own, as a person starts it."""

import http.cookiejar
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from portal.demo.children import dying_with_parent, wait_until
from portal.demo.folder import free_port
from portal.demo.places import CHECKOUT
from tests.portal.demo.processes import naming

READY = "Ctrl-C ends it."
FIRST_START_SECONDS, LATER_START_SECONDS = 400, 120  # of a machine with much else to do


class RunningDemo:
    """`start` may be called again after an end: the data directory stays."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.port = free_port(18000, 18099)
        self.start(FIRST_START_SECONDS)

    @property
    def environ(self) -> dict[str, str]:
        strange = ("PORTAL_", "DATABASE_URL", "REDIS_URL", "AWS_", "DJANGO_")
        given = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
        address = f"http://127.0.0.1:{self.port}"
        return given | {"PORTAL_DATA_DIR": str(self.data_dir), "PORTAL_BASE_URL": address}

    def start(self, within_seconds: float = LATER_START_SECONDS) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "demo"],
            cwd=CHECKOUT,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=dying_with_parent(signal.SIGINT),
        )
        self.listener = threading.Thread(target=self._listen)
        self.listener.start()
        wait_until(lambda: READY in self.said or self.process.poll() is not None, within_seconds)
        if READY not in self.said:
            self.kill()
            raise AssertionError(f"The demo did not come up:\n{self.said}")

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as said:
            for line in said:
                self.lines.append(line)

    @property
    def said(self) -> str:
        return "".join(self.lines)

    @property
    def address(self) -> str:
        return re.findall(r"The portal is at (\S+)", self.said)[0]

    @property
    def apps(self) -> dict[str, str]:
        return dict(re.findall(r"^ +(Live|Acceptance|Test) +(http://\S+)", self.said, re.MULTILINE))

    @property
    def logins(self) -> dict[str, str]:
        return dict(re.findall(r"^ +(ines|ben|mira|support) +(\S+)", self.said, re.MULTILINE))

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(command, cwd=CHECKOUT, env=self.environ, capture_output=True, text=True, timeout=120)

    def answer(self, *words: str) -> Any:
        done = self.manage(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def left(self) -> list[str]:
        """What of it is still alive."""
        return naming(str(self.data_dir))

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(60)
        self.listener.join()
        return code

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.listener.join()
        wait_until(lambda: not self.left(), 30)


class Browser:
    """Keeps cookies and fills in forms."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def get(self, path: str) -> str:
        with self.opener.open(self.address + path, timeout=20) as answer:
            return str(answer.read().decode())

    def post(self, path: str, **fields: str) -> str:
        token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(path))[0]
        body = urllib.parse.urlencode({"csrfmiddlewaretoken": token, **fields}).encode()
        with self.opener.open(self.address + path, body, timeout=20) as answer:
            return str(answer.read().decode())
