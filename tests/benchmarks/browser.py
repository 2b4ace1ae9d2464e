"""A signed-in person's cookie, and the portal behind gunicorn, for rows that are measured over HTTP."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from portal.config import ROOT

from .ground import Ground

_SIGN_IN = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
user, _ = get_user_model().objects.get_or_create(username="bench", defaults={"is_superuser": True, "is_staff": True})
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[SESSION_KEY], session[BACKEND_SESSION_KEY] = str(user.pk), settings.AUTHENTICATION_BACKENDS[-1]
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.save()
print(f"{settings.SESSION_COOKIE_NAME}={session.session_key}")
"""


def cookie(ground: Ground) -> str:
    """`name=value` of a session that may do everything."""
    manage = [sys.executable, str(ROOT / "manage.py"), "shell", "--no-imports", "-c", _SIGN_IN]
    return subprocess.run(manage, check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip().splitlines()[-1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def gunicorn(ground: Ground, application: str = "portal.wsgi") -> Iterator[tuple[str, int]]:
    """One gthread worker; yields the address and the worker's process id."""
    port = free_port()
    pid_file = ground.folder / f"gunicorn-{port}.pid"
    command = [sys.executable, "-m", "gunicorn", application, "-k", "gthread", "-w", "1", "--threads", "8"]
    command += ["-b", f"127.0.0.1:{port}", "--timeout", "300", "--pid", str(pid_file), "--log-level", "error"]
    server = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ))
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/sign-in/")
        yield address, _worker_of(server.pid)
    finally:
        server.terminate()
        server.wait(30)


@contextmanager
def nginx(ground: Ground, folder: Path) -> Iterator[str]:
    """nginx serving a folder as it is."""
    port = free_port()
    configuration = ground.folder / "nginx.conf"
    configuration.write_text(
        f"daemon off; pid {ground.folder}/nginx.pid; error_log stderr; user root; events {{}} http {{ access_log off; "
        f"sendfile on; server {{ listen 127.0.0.1:{port}; root {folder}; }} }}"
    )
    server = subprocess.Popen(["nginx", "-c", str(configuration)], stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/", any_answer=True)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def wait_for(address: str, any_answer: bool = False) -> None:
    """Return once the address answers; give up after half a minute."""
    for _ in range(300):
        try:
            with urlopen(address, timeout=5):
                return
        except OSError as error:
            if any_answer and hasattr(error, "code"):
                return
            time.sleep(0.1)
    raise RuntimeError(f"{address} does not answer.")


def peak_of(process: int) -> int:
    """The most memory this process ever had, in bytes."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("This system does not tell a process's peak memory.")


def parent_of(process: int) -> int:
    """The master of a worker."""
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def _worker_of(master: int) -> int:
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return int(children[0])
