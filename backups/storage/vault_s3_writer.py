"""Writes one object into an S3 store, in parts that are sent while the next one is filled."""

import mmap
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Semaphore
from types import TracebackType
from typing import Any, Self

from ..errors import StoredAlready, VaultUnreachable
from .s3_store import ABSENT, NO_UPLOAD, Answer, S3Store

PART = 8 << 20
DOUBLED_AFTER = 1000
"""Parts of one size. There may be 10,000 in all: so they suffice for the largest object, and small ones stay small."""
NEWEST = 3
"""Parts that may have failed since the last look: no more are on their way."""
COMPLETED_WITHIN = 300
TAKEN = ("PreconditionFailed", "412")
NOT_NOW = (*TAKEN, *NO_UPLOAD)
NO_CONDITIONS = ("NotImplemented", "501")
MARK = "writer"
READ = 128 << 10


class Part(mmap.mmap):
    """Memory that goes back to the system once the part is sent, and costs nothing until it is filled."""

    def __init__(self, *_: object, **__: object) -> None:
        self.end = super().__len__()

    def take_large_pages(self) -> None:
        """Where there are any: to be given small ones takes longer than to hash what they hold."""
        if hasattr(mmap, "MADV_HUGEPAGE"):
            with suppress(OSError):
                self.madvise(mmap.MADV_HUGEPAGE)

    def read(self, length: int | None = None, /) -> bytes:
        """Never much at once: the client asks for a MiB, in every thread, only to hash it."""
        return super().read(min(READ if length is None else length, READ, self.end - self.tell()))

    def __len__(self) -> int:
        return self.end


class S3Writer:
    """An open multipart upload, from the first moment: that is what others see of an object that is being written, also
    where a store knows no conditions."""

    def __init__(self, store: S3Store, key: str, name: str, slots: Semaphore) -> None:
        self.name = name
        self._store, self._key, self._slots = store, key, slots
        self._mark = uuid.uuid4().hex
        self._sent: list[Future[str]] = []
        self._part = self._new_part()
        self._upload: str | None = self._begin()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="vault-parts")

    def _begin(self) -> str:
        again: list[None] = []
        asked = {"Key": self._key, "Metadata": {MARK: self._mark}}
        upload = str(self._store.ask("create_multipart_upload", again=lambda: again.append(None), **asked)["UploadId"])
        try:
            self._check_alone(upload, len(again))
            if self._head() is not None:
                raise StoredAlready(f"{self.name} is already in the vault. Nothing was written over it.")
        except BaseException:
            with suppress(VaultUnreachable):
                self._store.abort_upload(self._key, upload)
            raise
        return upload

    def _check_alone(self, own: str, repeated: int) -> None:
        """Of two that begin at once each sees the other, and at most one goes on."""
        uploads = self._store.open_uploads(self._key)
        others = [upload for key, upload in uploads if key == self._key and upload != own]
        if repeated and len(others) <= repeated:  # begun by us, and the answer was lost
            for upload in others:
                self._store.abort_upload(self._key, upload)
        elif others:
            raise StoredAlready(f"{self.name} is already being written in the vault.")

    def write(self, block: bytes | memoryview, /) -> None:
        left = memoryview(block).cast("B")
        while left:
            if not self._part.tell():
                # One part more, filled while none can be sent, would only be held.
                with self._slots:
                    pass
            room = self._part_size() - self._part.tell()
            self._part.write(left[:room])
            left = left[room:]
            if self._part.tell() == self._part_size():
                self._send()

    def _part_size(self) -> int:
        return PART << len(self._sent) // DOUBLED_AFTER

    def _send(self) -> None:
        for sent in self._sent[-NEWEST:]:
            if sent.done():
                sent.result()
        part = self._part
        part.end = part.tell()
        self._slots.acquire()
        try:
            future = self._threads.submit(self._send_part, part, len(self._sent) + 1)
        except BaseException:
            self._slots.release()
            raise
        future.add_done_callback(lambda _: self._slots.release())
        self._sent.append(future)
        self._part = self._new_part()

    def _new_part(self) -> Part:
        part = Part(-1, self._part_size(), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if self._sent:  # what ends with its first part may be very small
            part.take_large_pages()
        return part

    def _send_part(self, part: Part, number: int) -> str:
        try:
            return self._send_body(part, number)
        finally:
            part.close()

    def _send_body(self, body: Part, number: int) -> str:
        def rewind() -> None:
            body.seek(0)

        rewind()
        asked = {"Key": self._key, "UploadId": self._upload, "PartNumber": number, "Body": body}
        try:
            answer = self._store.ask("upload_part", expects=NO_UPLOAD, again=rewind, **asked)
        except Answer as error:
            raise self._discarded() from error
        return str(answer["ETag"])

    def commit(self) -> None:
        try:
            if self._part.tell() or not self._sent:
                self._send()
            tags = [sent.result() for sent in self._sent]
            self._complete([{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)])
        except BaseException:
            self.abort()
            raise
        self._upload = None
        self._threads.shutdown()

    def _complete(self, parts: list[dict[str, Any]]) -> None:
        """Give it its name, unless somebody else has meanwhile. Stores that know no conditions are asked without."""
        again: list[None] = []
        complete = partial(
            self._store.ask,
            "complete_multipart_upload",
            expects=(*NOT_NOW, *NO_CONDITIONS),
            Key=self._key,
            UploadId=self._upload,
            MultipartUpload={"Parts": parts},
            again=lambda: again.append(None),
        )
        try:
            try:
                complete(IfNoneMatch="*")
            except Answer as answer:
                if answer.code not in NO_CONDITIONS:
                    raise
                complete()
        except Answer as answer:
            found = self._found(COMPLETED_WITHIN if again else 0)
            if found is not None and self._is_ours(found):
                return  # it was done, and the answer was lost
            if found is not None:
                raise StoredAlready(f"{self.name} is already in the vault. Nothing was written over it.") from answer
            raise self._discarded() from answer

    def _head(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._store.ask("head_object", expects=ABSENT, Key=self._key)
        except Answer:
            return None
        return found

    def _found(self, within: float) -> dict[str, Any] | None:
        """Stores that put an object together by copying its parts go on with it after the asker's patience is over."""
        deadline = time.monotonic() + within
        while (found := self._head()) is None and time.monotonic() < deadline:
            time.sleep(1)
        return found

    def _is_ours(self, found: dict[str, Any]) -> bool:
        return self._mark in {mark for name, mark in found.get("Metadata", {}).items() if name.lower() == MARK}

    def _discarded(self) -> VaultUnreachable:
        return VaultUnreachable(
            f"{self.name} was removed from the vault while it was written, so it was not kept. "
            "What was stored before is untouched. Try again."
        )

    def abort(self) -> None:
        upload, self._upload = self._upload, None
        self._threads.shutdown(cancel_futures=True)
        self._part.close()
        if upload is not None:
            with suppress(VaultUnreachable):
                self._store.abort_upload(self._key, upload)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._upload is not None:
            self.abort()
