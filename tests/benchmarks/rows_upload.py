"""Row 10: a file brought in resumable pieces, each compared with its SHA-256, against a Django multipart form."""

import base64
import hashlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from .browser import cookie, gunicorn, parent_of, peak_of
from .fixture import empty
from .ground import Ground
from .measure import MIB, Run, median_ratio, pairs, shell
from .table import Row

PIECE = 16 * MIB
LIST = "/apps/upload/live/backups/upload/transfers/"
TOKEN = "a" * 32
PART, FILENAME = base64.b64encode(b"files").decode(), base64.b64encode(b"files.zip").decode()


class Sender:
    """A client of the upload's road. `sent` counts every byte of content that ever left."""

    def __init__(self, ground: Ground, site: str) -> None:
        self.sent, self.site = 0, site
        cookies = f"{cookie(ground)}; csrftoken={TOKEN}"
        self._headers = {"Cookie": cookies, "X-CSRFToken": TOKEN, "Tus-Resumable": "1.0.0"}
        self.connect()

    def connect(self) -> None:
        """On a new line: a server closes one on which nothing comes for a while."""
        self._line = HTTPConnection(urlsplit(self.site).netloc)

    def begin(self, size: int) -> str:
        """The new upload's address."""
        said = {"Upload-Length": str(size), "Upload-Metadata": f"part {PART},filename {FILENAME}"}
        return self._ask("POST", LIST, said)["Location"]

    def offset(self, upload: str) -> int:
        return int(self._ask("HEAD", upload, {})["Upload-Offset"])

    def send(self, upload: str, offset: int, piece: bytes, digest: str) -> None:
        self.sent += len(piece)
        self._ask("PATCH", upload, _about(offset, digest), piece)

    def send_most(self, upload: str, offset: int, piece: bytes, digest: str) -> None:
        """All of a piece but its last byte."""
        self._line.putrequest("PATCH", upload)
        said = {**self._headers, **_about(offset, digest), "Content-Length": str(len(piece))}
        for name, value in said.items():
            self._line.putheader(name, value)
        self._line.endheaders(piece[:-1])
        self.sent += len(piece) - 1

    def _ask(self, method: str, address: str, said: dict[str, str], body: bytes = b"") -> dict[str, str]:
        self._line.request(method, address, body, {**self._headers, **said})
        answer = self._line.getresponse()
        words = answer.read()
        if answer.status not in (200, 201, 204):
            raise RuntimeError(f"{method} {address}: {answer.status} {words.decode(errors='replace')[:500]}")
        return dict(answer.getheaders())


def _about(offset: int, digest: str) -> dict[str, str]:
    kind = {"Content-Type": "application/offset+octet-stream"}
    return {**kind, "Upload-Offset": str(offset), "Upload-Checksum": f"sha256 {digest}"}


def _pieces(source: Path, at: int = 0) -> Iterator[tuple[int, bytes, str]]:
    """Each piece, where it begins, and its digest: the next one's is computed while this one is on its way."""
    with source.open("rb", buffering=0) as file, ThreadPoolExecutor(1) as beside:
        file.seek(at)
        coming = beside.submit(_next, file)
        while (found := coming.result())[0]:
            coming = beside.submit(_next, file)
            yield at, *found
            at += len(found[0])


def _next(file: BinaryIO) -> tuple[bytes, str]:
    piece = file.read(PIECE)
    return piece, base64.b64encode(hashlib.sha256(piece).digest()).decode()


def measure(ground: Ground, wanted: set[int]) -> Iterator[Row]:
    if 10 not in wanted:
        return
    folder, source = ground.folder / "uploaded-by-form", ground.folder / "to-upload"
    empty(folder)
    _fill(source, 2_000 if ground.is_full else 200)
    ground.register("upload/live", ground.database("upload"), ground.folder / "no-files-uploaded")
    row = Row("10", "upload in resumable chunks", "a Django multipart form")
    os.environ["BENCH_FORM_FOLDER"] = str(folder)
    with gunicorn(ground) as (site, worker), gunicorn(ground, "tests.benchmarks.form") as (form, _):
        sender = Sender(ground, site)
        # Everything is imported before memory is compared.
        sender.send(sender.begin(PIECE), *next(_pieces(source)))
        before = peak_of(worker)
        curl = f"curl -sSf -o /dev/null -F file=@{source} {form}/"
        row.ours, row.theirs = pairs(
            lambda: _timed(lambda: _send(sender, source), worker), lambda: shell(curl), lambda: empty(folder)
        )
        row.add("wall", median_ratio(row.ours, row.theirs, lambda one: one.wall), 0.6)
        row.add("growth MiB", (peak_of(worker) - before) / MIB, 32)
    row.add("sent again", _sent_again(ground, source) / PIECE, 1)
    yield row


def _send(sender: Sender, source: Path, upload: str = "") -> str:
    """From where it stopped, or from the beginning."""
    sender.connect()
    begins_at = sender.offset(upload) if upload else 0
    upload = upload or sender.begin(source.stat().st_size)
    for at, piece, digest in _pieces(source, begins_at):
        sender.send(upload, at, piece, digest)
    return upload


def _sent_again(ground: Ground, source: Path) -> int:
    """Bytes that left in vain when the web server is killed in the middle of the file, in the middle of a piece."""
    half = source.stat().st_size // PIECE // 2 * PIECE
    with gunicorn(ground) as (site, worker):
        sender = Sender(ground, site)
        upload = sender.begin(source.stat().st_size)
        for at, piece, digest in _pieces(source):
            if at == half:
                sender.send_most(upload, at, piece, digest)
                break
            sender.send(upload, at, piece, digest)
        for process in (parent_of(worker), worker):
            os.kill(process, signal.SIGKILL)
    with gunicorn(ground) as (site, _):
        sender.site = site
        _send(sender, source, upload)
    stored = ground.folder / "portal" / "uploads" / upload.strip("/").rpartition("/")[2]
    shell(f"cmp {stored} {source}")
    return sender.sent - source.stat().st_size


def _timed(deed: Callable[[], object], worker: int) -> Run:
    began = time.perf_counter()
    deed()
    return Run(time.perf_counter() - began, 0.0, peak_of(worker))


def _fill(path: Path, megabytes: int) -> None:
    """Bytes that no compression helps, a megabyte at a time."""
    chance = random.Random(10)
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(chance.randbytes(MIB))
