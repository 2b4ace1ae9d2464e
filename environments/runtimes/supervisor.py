"""Apps that supervisord runs, asked by XML-RPC over its Unix socket."""

import http.client
import socket
import xmlrpc.client
from collections.abc import Callable
from pathlib import Path

from ..choices import State
from ..errors import RuntimeRefused
from .command import CommandRuntime

ANSWER_WITHIN_SECONDS = 60
RUNNING = {"STARTING", "RUNNING", "BACKOFF", "STOPPING"}
STOPPED = {"STOPPED", "EXITED", "FATAL"}
# Supervisor's own fault codes that mean "it is already so".
ALREADY_STARTED, NOT_RUNNING = 60, 70


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=ANSWER_WITHIN_SECONDS)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class _SocketTransport(xmlrpc.client.Transport):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def make_connection(self, host: object) -> http.client.HTTPConnection:  # noqa: ARG002 - the base class's shape
        return _SocketConnection(self.path)


class SupervisorRuntime:
    """One program of one supervisord. `place` is written `/run/app/supervisor.sock program`.

    What supervisord knows nothing of (packages, services) is left to the environment's own commands.
    """

    def __init__(self, place: str, commands: CommandRuntime) -> None:
        socket_path, _, self.program = place.rpartition(" ")
        self.socket_path = Path(socket_path)
        self.deploy, self.undeploy = commands.deploy, commands.undeploy
        self.publish_services, self.unpublish_services = commands.publish_services, commands.unpublish_services

    def status(self) -> State:
        """Running while the program has, or is about to have, a process; Unknown when supervisord does not answer."""
        try:
            name = str(self._call("getProcessInfo", self.program)["statename"])  # type: ignore[index]
        except RuntimeRefused:
            return State.UNKNOWN
        if name in RUNNING:
            return State.RUNNING
        return State.STOPPED if name in STOPPED else State.UNKNOWN

    def stop(self, beat: Callable[[], None]) -> None:
        """Ask it to stop; returns when supervisord says that it has.

        Raises:
            RuntimeRefused
        """
        beat()
        self._call("stopProcess", self.program, True, already=NOT_RUNNING)

    def start(self, beat: Callable[[], None]) -> None:
        """Ask it to start; returns when it has stayed up for supervisord's startsecs.

        Raises:
            RuntimeRefused
        """
        beat()
        self._call("startProcess", self.program, True, already=ALREADY_STARTED)

    def _call(self, method: str, *arguments: object, already: int | None = None) -> object:
        proxy = xmlrpc.client.ServerProxy("http://localhost", transport=_SocketTransport(str(self.socket_path)))
        try:
            with proxy:
                return getattr(proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == already:
                return True
            raise RuntimeRefused(f"supervisord refused: {fault.faultString} ({self.program}).") from None
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
            raise RuntimeRefused(f"supervisord does not answer at {self.socket_path} ({error}).") from None
