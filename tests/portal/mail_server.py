"""A mail server that takes no mail: it answers as one, and refuses what the test says."""

import threading
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Self


class MailServer(ThreadingTCPServer):
    """Runs inside `with`. `refused`: the sender whom it does not take."""

    allow_reuse_address = daemon_threads = True
    refused = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.port = self.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.02,), name="mail server", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Conversation(StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            is_refused = line.startswith("mail") and self.server.refused and self.server.refused in line
            self._say("550 not from there" if is_refused else "250 well")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
