"""Apps that supervisord runs, asked by XML-RPC over its Unix socket."""

import http.client
import socket
import time
import xmlrpc.client
from collections.abc import Callable
from pathlib import Path

from ..choices import State
from ..errors import RuntimeRefused
from .command import CommandRuntime
from .patience import at_most

ANSWER_WITHIN_SECONDS = 20  # nobody beats meanwhile: well below a lease
LIMIT_SECONDS = 60
LOOK_EVERY_SECONDS = 0.1
RUNNING = {"STARTING", "RUNNING", "BACKOFF", "STOPPING"}
STOPPED = {"STOPPED", "EXITED", "FATAL"}
# Supervisor's own fault codes after which its word on the program's state says more: it is already so, or it was tried
# and the program was gone before the call had ended.
NOT_RUNNING, ALREADY_STARTED, ABNORMAL_TERMINATION, SPAWN_ERROR = 70, 60, 40, 50


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=at_most(ANSWER_WITHIN_SECONDS))
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
        connection = _SocketConnection(self.path)
        self._connection = "localhost", connection  # closing the transport closes it, also when nobody answered
        return connection


class SupervisorRuntime:
    """One program of one supervisord. `place` is written `/run/app/supervisor.sock program`.

    What supervisord knows nothing of (packages, services, files) is left to the environment's own commands.
    """

    def __init__(self, place: str, commands: CommandRuntime) -> None:
        socket_path, _, self.program = place.rpartition(" ")
        self.socket_path = Path(socket_path)
        self.deploy, self.undeploy = commands.deploy, commands.undeploy
        self.publish_services, self.unpublish_services = commands.publish_services, commands.unpublish_services
        self.use_files = commands.use_files

    def status(self) -> State:
        """Running while the program has, or is about to have, a process; Unknown when supervisord does not answer."""
        try:
            name = self._ask()
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
        self._call("stopProcess", self.program, False, past=(NOT_RUNNING,))
        if (name := self._settled("STOPPING", beat)) not in STOPPED:
            raise RuntimeRefused(f"supervisord was asked to stop {self.program} and says {name}.")

    def start(self, beat: Callable[[], None]) -> None:
        """Ask it to start; returns when it has stayed up for supervisord's startsecs.

        Raises:
            RuntimeRefused
        """
        beat()
        tried = (ALREADY_STARTED, ABNORMAL_TERMINATION, SPAWN_ERROR)
        self._call("startProcess", self.program, False, past=tried)
        if (name := self._settled("STARTING", beat)) != "RUNNING":
            raise RuntimeRefused(f"supervisord was asked to start {self.program} and says {name}.")

    def _settled(self, passing: str, beat: Callable[[], None]) -> str:
        """What supervisord says of the program when it is past this state, or a minute later."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while (name := self._ask()) == passing and time.monotonic() < deadline:
            beat()
            time.sleep(LOOK_EVERY_SECONDS)
        return name

    def _ask(self) -> str:
        return str(self._call("getProcessInfo", self.program)["statename"])  # type: ignore[index]

    def _call(self, method: str, *arguments: object, past: tuple[int, ...] = ()) -> object:
        proxy = xmlrpc.client.ServerProxy("http://localhost", transport=_SocketTransport(str(self.socket_path)))
        try:
            with proxy:
                return getattr(proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode in past:
                return True
            raise RuntimeRefused(f"supervisord refused: {fault.faultString} ({self.program}).") from None
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
            raise RuntimeRefused(f"supervisord does not answer at {self.socket_path} ({error}).") from None
