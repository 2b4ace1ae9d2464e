"""Writes one large object into a place that is not live, in parts, of which a few are on their way at once."""

from collections.abc import Iterator
from concurrent.futures import Future, wait
from typing import Any, NamedTuple

from .bucket_crew import Crew
from .bucket_marks import md5_of
from .columns import Headers
from .s3_store import NO_UPLOAD, Answer, S3Store

PART = 8 << 20
DOUBLED_AFTER = 1000
"""Parts of one size. There may be 10,000 in all: so they suffice for the largest object, and small ones stay small."""
AT_ONCE = 4


class _Part(NamedTuple):
    number: int
    content: bytes


def write_large(store: S3Store, crew: Crew, key: str, pieces: Iterator[bytes], words: Headers) -> int:
    """Write what comes; returns its length. Nothing stays of what did not come to its end.

    Raises: what `pieces` raise; FilesStoreUnreachable.
    """
    upload = str(store.ask("create_multipart_upload", again=crew.check, Key=key, **words)["UploadId"])
    sending = _Sending(store, crew, key, upload)
    try:
        size = sum(sending.send(part) for part in _parts(pieces))
        sending.complete()
    except BaseException:
        sending.abort()
        raise
    return size


class _Sending:
    """Parts on their way, and what was answered to those that came."""

    def __init__(self, store: S3Store, crew: Crew, key: str, upload: str) -> None:
        self._store, self._crew = store, crew
        self._asked: dict[str, Any] = {"Key": key, "UploadId": upload}
        self._waiting: set[Future[tuple[int, str]]] = set()
        self._tags: dict[int, str] = {}

    def send(self, part: _Part) -> int:
        self._take(AT_ONCE - 1)
        self._waiting.add(self._crew.begin(self._send, part))
        return len(part.content)

    def complete(self) -> None:
        self._take(0)
        parts = [{"PartNumber": number, "ETag": tag} for number, tag in sorted(self._tags.items())]
        try:
            self._store.ask(
                "complete_multipart_upload",
                expects=NO_UPLOAD,
                again=self._crew.check,
                MultipartUpload={"Parts": parts},
                **self._asked,
            )
        except Answer:  # it was done, and the answer was lost; a list of the place tells
            return

    def abort(self) -> None:
        self._crew.stop()
        wait(self._waiting)
        self._store.abort_upload(self._asked["Key"], self._asked["UploadId"])

    def _take(self, most: int) -> None:
        while len(self._waiting) > most:
            self._tags |= dict(self._crew.some(self._waiting))

    def _send(self, part: _Part) -> tuple[int, str]:
        answer = self._store.ask(
            "upload_part",
            again=self._crew.check,
            PartNumber=part.number,
            Body=part.content,
            ContentMD5=md5_of(part.content),
            **self._asked,
        )
        return part.number, str(answer["ETag"])


def _parts(pieces: Iterator[bytes]) -> Iterator[_Part]:
    taken, number = bytearray(), 1
    for piece in pieces:
        taken += piece
        while len(taken) >= (size := PART << (number - 1) // DOUBLED_AFTER):
            yield _Part(number, bytes(taken[:size]))
            del taken[:size]
            number += 1
    if taken:
        yield _Part(number, bytes(taken))
