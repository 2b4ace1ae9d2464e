"""supervisord for the demo's apps: the portal really stops and starts them through it."""

import os
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

from .folder import write_private
from .places import CHECKOUT, Ground

PROGRAMS = Path(sys.executable).parent


class Supervisor:
    """One supervisord: its configuration, and how it and its control program are called."""

    def __init__(self, path: Path, sockets: Path, logs: Path) -> None:
        self.config = path / "supervisord.conf"
        self.socket, self.logs = sockets / "supervisor.sock", logs

    def arguments(self) -> list[str]:
        return [str(PROGRAMS / "supervisord"), "--nodaemon", "--configuration", str(self.config)]

    def command(self, verb: str, program: str) -> str:
        """One line for a registered environment's status, stop or start command."""
        return shlex.join([str(PROGRAMS / "supervisorctl"), "-c", str(self.config), verb, program])

    def write(self, grounds: Iterable[Ground]) -> None:
        """The configuration. The socket, open to its owner only, is the guard; a password would guard nothing more."""
        self.socket.unlink(missing_ok=True)
        parts = [self._daemon(), self._control(), *(self._program(ground) for ground in grounds)]
        write_private(self.config, "\n".join(parts))

    def _daemon(self) -> str:
        user = "user=root\n" if os.geteuid() == 0 else ""
        return f"""[supervisord]
logfile={_value(self.logs / "supervisord.log")}
pidfile={_value(self.config.with_suffix(".pid"))}
childlogdir={_value(self.logs)}
{user}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""

    def _control(self) -> str:
        return f"""[unix_http_server]
file={_value(self.socket)}
chmod=0600

[supervisorctl]
serverurl=unix://{_value(self.socket)}
"""

    def _program(self, ground: Ground) -> str:
        return f"""[program:{ground.place.slug}]
command={_value(ground.command())}
directory={_value(CHECKOUT)}
redirect_stderr=true
stdout_logfile={_value(_value(self.logs / f"app-{ground.place.slug}.log"))}
stopwaitsecs=5
stopasgroup=true
killasgroup=true
"""


def _value(text: object) -> str:
    """A percent sign begins a placeholder in this format; a program's log file is read so twice."""
    return str(text).replace("%", "%%")
