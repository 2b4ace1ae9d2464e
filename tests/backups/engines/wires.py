"""What stands between a client and a server, or in a server's place: silence, and a pooler."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from environments.addresses import DatabaseAddress

READY = b"Z\x00\x00\x00\x05I"
BACKEND_KEY = b"K\x00\x00\x00\x0c"


def closed_port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def silence() -> Iterator[int]:
    """The port of a listener that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


@contextmanager
def wire(address: DatabaseAddress, change: Callable[[bytes], bytes]) -> Iterator[int]:
    """The port of a wire to a server's socket; what the server says passes through `change`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener, address, change), daemon=True).start()
        yield int(listener.getsockname()[1])


def falling_silent() -> Callable[[bytes], bytes]:
    """Lets a client in, and says nothing any more."""
    let_in: list[bytes] = []

    def change(said: bytes) -> bytes:
        if let_in:
            return b""
        if READY in said:
            let_in.append(said)
        return said

    return change


def like_a_pooler(said: bytes) -> bytes:
    """Gives the session a number of its own, as poolers do."""
    at = said.find(BACKEND_KEY)
    return said if at < 0 else said[: at + 5] + b"\x00\x00\x00\x2a" + said[at + 9 :]


def _serve(listener: socket.socket, address: DatabaseAddress, change: Callable[[bytes], bytes]) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{address.host}/.s.PGSQL.{address.port}")
            threading.Thread(target=_pass_on, args=(client, server, bytes), daemon=True).start()
            threading.Thread(target=_pass_on, args=(server, client, change), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, change: Callable[[bytes], bytes]) -> None:
    with suppress(OSError), source, target:
        while said := source.recv(65536):
            target.sendall(change(said))
