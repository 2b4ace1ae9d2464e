"""Reads from an S3 store: a range that is believed by its Content-Range, and gone on with where it broke off."""

import re
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

from botocore.exceptions import BotoCoreError

from ..errors import StoredDiffers, StoredMissing
from .s3_store import ABSENT, Answer, S3Store

BEYOND_THE_END = ("InvalidRange", "416")
OTHER_NOW = ("PreconditionFailed", "412")
RENEWED = 64 << 20
RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)$")


class ObjectStream:
    """One object, as it was when the first answer came: where reading is, and up to where it goes.

    `version`, `total` and `told`, all that the store says of it, are known from the first block on.
    """

    def __init__(self, store: S3Store, key: str, name: str, start: int = 0, length: int | None = None) -> None:
        self.store, self.key, self.name = store, key, name
        self.said = f"{name} in the {store.place.words.what}"
        self.at, self.stop = start, None if length is None else start + length
        self.version, self.total = "", -1
        self.told: dict[str, Any] = {}

    def blocks(self, block: int) -> Generator[bytes]:
        """The bytes, in blocks of at most so many.

        Raises, while read: StoredMissing, and StoredDiffers when it changes meanwhile or ends too early.
        """
        failures, since, began = 0, self.at, time.monotonic()
        while body := self._open():
            with closing(body):
                try:
                    yield from self._pieces(body, block)
                    break
                except BotoCoreError as error:
                    if self.at - since >= RENEWED:
                        failures, since, began = 0, self.at, time.monotonic()
                    self.store.wait_after(error, failures, began)
                    failures += 1
        self._check_end()

    def _open(self) -> Any:
        """The body of the next answer; None when nothing lies at `at`."""
        asked: dict[str, Any] = {"Key": self.key} | ({"IfMatch": self.version} if self.version else {})
        if self.at or self.stop is not None:
            asked["Range"] = f"bytes={self.at}-{'' if self.stop is None else self.stop - 1}"
        try:
            answer = self.store.ask("get_object", expects=(*ABSENT, *BEYOND_THE_END, *OTHER_NOW), **asked)
        except Answer as refusal:
            return self._refused(refusal)
        try:
            self._believe(answer)
        except BaseException:
            answer["Body"].close()
            raise
        return answer["Body"]

    def _refused(self, refusal: Answer) -> None:
        if refusal.code in BEYOND_THE_END:
            return
        if refusal.code in OTHER_NOW:
            raise StoredDiffers(f"{self.said} changed while it was read.") from refusal
        self.store.look()
        raise StoredMissing(f"{self.name} is missing in the {self.store.place.words.what}.") from refusal

    def _believe(self, answer: dict[str, Any]) -> None:
        """See that what comes begins where it was asked for, and is of the same object as before."""
        found = RANGE.match(answer.get("ContentRange") or "")
        if found is None and self.at:
            raise self.store.unreachable(
                f"{self.store} sends whole objects where a part was asked for, so nothing can be read from it. "
                "Use a store that knows ranges."
            )
        if found is None and "ContentLength" not in answer:
            raise self.store.unreachable(self.store.place.no_store())
        begin = int(found[1]) if found else 0
        total = int(found[3]) if found and found[3] != "*" else -1 if found else int(answer["ContentLength"])
        version = answer.get("ETag", "")
        if begin != self.at or (self.version and (version, total) != (self.version, self.total)):
            raise StoredDiffers(f"{self.said} is not the same as when reading began.")
        self.version, self.total, self.told = version, total, self.told or answer

    def _pieces(self, body: Any, block: int) -> Iterator[bytes]:
        while self.stop is None or self.at < self.stop:
            piece = body.read(block if self.stop is None else min(block, self.stop - self.at))
            if not piece:
                return
            self.at += len(piece)
            yield piece

    def _check_end(self) -> None:
        stop = self.total if self.stop is None else self.stop
        if self.at < stop:
            raise StoredDiffers(f"{self.said} is {stop - self.at} bytes too short.")
