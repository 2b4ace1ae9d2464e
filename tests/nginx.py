"""A real nginx of one test: in a folder of its own, on free ports, with our example or what the test writes."""

import os
import signal
import socket
import subprocess
from pathlib import Path

from portal.config import ROOT
from tests.workers import eventually

HOST = "portal.example.org"
EXAMPLE = ROOT / "portal" / "deploy" / "nginx.conf"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def example(folder: Path, *, web: int, plain: int, safe: int, vault: Path) -> str:
    """Our example, with a certificate, addresses and folders of this test."""
    key, certificate = folder / "key.pem", folder / "fullchain.pem"
    subject = ["-subj", f"/CN={HOST}", "-days", "2", "-nodes", "-newkey", "rsa:2048"]
    made = ["openssl", "req", "-x509", *subject, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    ours = EXAMPLE.read_text()
    for there, here in {
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl;": f"listen 127.0.0.1:{safe} ssl;",
        "/etc/ssl/portal": str(folder),
        "/var/log/nginx": str(folder),
        "/srv/portal/code": str(ROOT),
        "/srv/backups/vault": str(vault),
        "127.0.0.1:8000": f"127.0.0.1:{web}",
    }.items():
        assert there in ours, there
        ours = ours.replace(there, here)
    return ours


class Nginx:
    """Runs from `start` to `stop`; what it complains about is in `log`."""

    def __init__(self, folder: Path, http: str) -> None:
        self.log = folder / "nginx.log"
        temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in TEMPORARY)
        user = "user root;" if os.geteuid() == 0 else ""
        self._conf = folder / "nginx.conf"
        self._conf.write_text(
            f"{user} daemon off; pid {folder}/nginx.pid; events {{}} http {{ {temporary} access_log off; {http} }}"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, port: int) -> None:
        """Until this port answers."""
        command = ["nginx", "-c", str(self._conf), "-p", str(self._conf.parent), "-e", str(self.log)]
        process = self._process = subprocess.Popen(command)
        eventually(lambda: answers(port) or process.poll() is not None)
        assert process.poll() is None, self.log.read_text()

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
