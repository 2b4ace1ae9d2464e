"""An S3 store that fails as it is told: it refuses, cuts, alters, loses its answer, is slow."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from .shelves import Said, Shelves, refusal
from .vaults import BUCKET


@dataclass
class Fault:
    """What goes wrong with the next `times` requests of a kind, after `skips` that go well.

    `how`: "refuse" with status and code, "drop" without doing it, "lose" the answer after doing it, "cut" the answer
    after `length` bytes, "alter" or "shorten" what is kept or sent, "frame" what is kept, "slow" by `seconds`, "whole"
    where a range was asked for, "pretend" that a copy was made.
    """

    kind: str
    how: str
    times: int = 1
    skips: int = 0
    status: int = 503
    code: str = "ServiceUnavailable"
    length: int = 0
    seconds: float = 0

    def is_for(self, kind: str) -> bool:
        if self.kind not in (kind, "all") or self.times <= 0:
            return False
        self.skips -= 1
        self.times -= self.skips < 0
        return self.skips < 0

    def changed(self, content: bytes) -> bytes:
        if self.how == "alter" and content:
            return bytes([content[0] ^ 1]) + content[1:]
        if self.how == "shorten":
            return content[:-1]
        return b"5\r\n" + content + b"\r\nx-amz-checksum" if self.how == "frame" else content


class ScriptedStore:
    """Runs from `start` to `stop`; `asked` counts requests by kind."""

    def __init__(self) -> None:
        self.shelves, self.faults = Shelves(), list[Fault]()
        self.asked: list[str] = []
        self.parts_now = self.parts_most = 0
        self.lock, self.ended = threading.Lock(), threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Conversation)
        self._server.daemon_threads = True
        self._server.store = self  # type: ignore[attr-defined]
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name="scripted store", daemon=True).start()
        return self

    def stop(self) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

    def will(self, kind: str, how: str, **more: Any) -> None:
        self.faults.append(Fault(kind, how, **more))

    @contextmanager
    def counted(self, kind: str) -> Iterator[None]:
        """How many parts are on their way at once."""
        with self.lock:
            self.parts_now += kind == "part"
            self.parts_most = max(self.parts_most, self.parts_now)
        yield
        with self.lock:
            self.parts_now -= kind == "part"

    def next_fault(self, kind: str) -> Fault | None:
        with self.lock:
            self.asked.append(kind)
            return next((fault for fault in self.faults if fault.is_for(kind)), None)

    def answer(self, kind: str, key: str, asked: dict[str, str], headers: dict[str, str], body: bytes) -> Said:
        with self.lock:
            said: Said = getattr(self.shelves, kind)(key, asked, headers, body)
        return said


class _Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def handle_expect_100(self) -> bool:
        goes_on = super().handle_expect_100()
        self.wfile.flush()
        return goes_on

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        store: ScriptedStore = self.server.store  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        kind = _kind(self.command, bool(key), asked, is_copy="x-amz-copy-source" in headers)
        with store.counted(kind):
            self._answer_to(store, kind, bucket, key, asked, headers, body)

    def _answer_to(
        self,
        store: ScriptedStore,
        kind: str,
        bucket: str,
        key: str,
        asked: dict[str, str],
        headers: dict[str, str],
        body: bytes,
    ) -> None:
        fault = store.next_fault(kind) or Fault(kind, "none")
        if fault.how == "whole":
            headers.pop("range", None)
        if fault.how == "slow":
            store.ended.wait(fault.seconds)
        if fault.how == "refuse":
            self._say(refusal(fault.status, fault.code))
        elif fault.how == "pretend":
            self._say(Said(200, b"<CopyObjectResult><ETag>of-no-meaning</ETag></CopyObjectResult>"))
        elif fault.how == "drop" or store.ended.is_set():
            self.close_connection = True
        elif bucket != BUCKET:
            self._say(refusal(404, "NoSuchBucket"))
        else:
            said = store.answer(kind, key, asked, headers, fault.changed(body) if kind in ("part", "put") else body)
            self._say(said._replace(content=fault.changed(said.content)) if kind == "get" else said, fault)

    def _say(self, said: Said, fault: Fault | None = None) -> None:
        how = fault.how if fault else ""
        if how == "lose":
            self.close_connection = True
            return
        self.send_response(said.status)
        for name, value in said.headers.items():
            self.send_header(name, value)
        if said.status != 204:
            self.send_header("Content-Length", str(len(said.content)))
        self.end_headers()
        if how == "cut":
            self.wfile.write(said.content[: fault.length if fault else 0])
            self.close_connection = True
        elif self.command != "HEAD":
            self.wfile.write(said.content)
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def _kind(method: str, has_key: bool, asked: dict[str, str], *, is_copy: bool) -> str:
    """Which question it is; the names are those of the methods of `Shelves`."""
    if not has_key:
        if "delete" in asked:
            return "delete_many"
        return "list_uploads" if "uploads" in asked else "list"
    if "uploads" in asked:
        return "begin"
    if "uploadId" in asked:
        return {"PUT": "part_copy" if is_copy else "part", "POST": "complete", "DELETE": "abort"}[method]
    return "copy" if is_copy else method.lower()
