"""A small app that answers every connection from its database: `app.py start|stop|status|serve FOLDER`."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

WITHIN_SECONDS = 60


def answers(port: int) -> bool:
    """Whether it is there, and its database, too."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            return line.recv(8) == b"ok"
    except OSError:
        return False


def start(folder: Path) -> int:
    """Return once it answers."""
    serving = [sys.executable, __file__, "serve", str(folder)]
    child = subprocess.Popen(serving, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    (folder / "pid").write_text(str(child.pid))
    port, deadline = json.loads((folder / "app.json").read_text())["port"], time.monotonic() + WITHIN_SECONDS
    while not answers(port):
        if child.poll() is not None or time.monotonic() > deadline:
            return 2
        time.sleep(0.01)
    return 0


def stop(folder: Path) -> int:
    """Return once it has ended."""
    if status(folder) == 0:
        os.kill(int((folder / "pid").read_text()), signal.SIGTERM)
    while status(folder) == 0:
        time.sleep(0.01)
    return 0


def status(folder: Path) -> int:
    try:
        stat = Path(f"/proc/{(folder / 'pid').read_text()}/stat").read_text()
    except OSError:
        return 1
    return 1 if stat.rpartition(")")[2].split()[0] == "Z" else 0


def serve(folder: Path) -> int:
    import psycopg  # noqa: PLC0415 - the other words of this program are asked for often, and need none of it

    about = json.loads((folder / "app.json").read_text())
    with psycopg.connect(about["conninfo"], autocommit=True) as database, socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(("127.0.0.1", about["port"]))
        door.listen(64)
        while True:
            line, _ = door.accept()
            with line:
                database.execute("SELECT count(*) FROM (SELECT 1 FROM docs LIMIT 1) one")
                line.sendall(b"ok")


if __name__ == "__main__":
    words = {"start": start, "stop": stop, "status": status, "serve": serve}
    sys.exit(words[sys.argv[1]](Path(sys.argv[2])))
