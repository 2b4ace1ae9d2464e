"""The demo's folder: whose it is just now, and what it keeps from one start to the next."""

import fcntl
import hashlib
import json
import os
import socket
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from .children import wait_until
from .failures import DemoAlreadyRuns, NoFreePort

LONGEST_SOCKET_PATH = 90  # of 107 bytes; the names inside need the rest
FIRST_PORT, LAST_PORT = 8101, 8999
GONE_WITHIN_SECONDS = 20


class Folder:
    """`path` holds the demo's own things: its server's data, its apps, its logs, its logins."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / "logs"
        self.kept_file = path / "kept.json"
        self.lock_file = path / "lock"

    def take(self) -> None:
        """Make the folder, and be the only demo in it.

        The lock is inherited by the demo's children, so that it is free only when all of them are gone; a demo that
        was killed a moment ago is waited for.

        Raises:
            DemoAlreadyRuns
        """
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.lock = os.open(self.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        is_waiting_worth_it = not _is_alive(os.pread(self.lock, 20, 0).decode())
        if not wait_until(self._is_locked, GONE_WITHIN_SECONDS if is_waiting_worth_it else 0):
            raise DemoAlreadyRuns(
                f"Another demo already uses {self.path.parent}. End it, or name another directory in PORTAL_DATA_DIR."
            )
        os.ftruncate(self.lock, 0)
        os.pwrite(self.lock, str(os.getpid()).encode(), 0)

    def _is_locked(self) -> bool:
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def sockets(self) -> Path:
        """A folder for Unix sockets, the same at every start, with a path short enough for them."""
        inside = self.path / "run"
        if len(os.fsencode(inside)) <= LONGEST_SOCKET_PATH:
            inside.mkdir(mode=0o700, exist_ok=True)
            return inside
        name = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        outside = Path(tempfile.gettempdir()) / f"portal-demo-{name}"
        outside.mkdir(mode=0o700, exist_ok=True)
        if outside.is_symlink() or outside.stat().st_uid not in (os.geteuid(), 65534):
            raise PermissionError(f"{outside} belongs to somebody else.")
        return outside

    def read(self) -> dict[str, Any]:
        """What was kept; empty at the first start."""
        return json.loads(self.kept_file.read_text()) if self.kept_file.exists() else {}

    def keep(self, **values: Any) -> None:
        """Add to what is kept. Passwords are among it, so only the owner may read it."""
        write_private(self.kept_file, json.dumps(self.read() | values, indent=2))

    def port_for(self, name: str) -> int:
        """A free port of 127.0.0.1, the same one at every start unless somebody else took it meanwhile."""
        ports: dict[str, int] = self.read().get("ports", {})
        if (kept := ports.get(name)) and is_free(kept):
            return kept
        others = {port for other, port in ports.items() if other != name}
        port = free_port(FIRST_PORT, LAST_PORT, without=others)
        self.keep(ports=ports | {name: port})
        return port


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only from the first byte on."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    beside.rename(path)


def free_port(first: int, last: int, *, without: Collection[int] = (), host: str = "127.0.0.1") -> int:
    """The first free port from `first` on.

    Raises:
        NoFreePort
    """
    for port in range(first, last + 1):
        if port not in without and is_free(port, host):
            return port
    raise NoFreePort(f"No port between {first} and {last} is free on {host}.")


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
