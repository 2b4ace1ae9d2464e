"""Asks an S3 store, again where that may help, and turns what it says into a sentence."""

import random
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ..errors import Failed
from .s3_errors import VAULT, Place, Words, code_of, is_passing

ABSENT = ("404", "NoSuchKey", "NotFound")
NO_UPLOAD = ("NoSuchUpload", "404")
NONE_BEGUN = ("NoSuchUpload", "NotImplemented", "501")
LONGEST = 40
"""Seconds after which nothing is repeated: less than the lease of whoever waits."""
WITHOUT_WORDS = ("400", "403", "301", "307")


class Answer(Exception):
    """An error that whoever asked knows what to make of. `code` is S3's, or the HTTP status."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class S3Store:
    """A bucket, and a prefix in it. `str` names it for a person. Everything raises VaultUnreachable, or the error of
    its words."""

    def __init__(
        self,
        client: Callable[[], Any],
        *,
        bucket: str,
        prefix: str,
        endpoint: str,
        pauses: Sequence[float],
        words: Words = VAULT,
    ) -> None:
        self._client, self.bucket, self._prefix, self._pauses = client, bucket, prefix, pauses
        self.place = Place(bucket, prefix, endpoint, words)

    def __str__(self) -> str:
        return f"The {self.place.words.what} at {self.place}"

    def unreachable(self, sentence: str) -> Failed:
        """The error of this store, to be raised."""
        return self.place.words.error(sentence)

    def ask(
        self, call: str, *, expects: Collection[str] = (), again: Callable[[], None] | None = None, **asked: Any
    ) -> Any:
        """Ask one of boto3's questions. `again` is called before each repetition: the answer before it may be lost.

        Raises: Answer, when the store answers with one of the codes in `expects`; VaultUnreachable.
        """
        began = time.monotonic()
        for turn in range(len(self._pauses) + 1):
            try:
                return getattr(self._client(), call)(Bucket=self.bucket, **asked)
            except (BotoCoreError, ClientError, ValueError) as error:
                if code_of(error) in expects:
                    raise Answer(code_of(error)) from error
                if call == "head_object" and turn == 0 and code_of(error) in WITHOUT_WORDS:
                    self.look()
                self.wait_after(error, turn, began)
            if again:
                again()
        raise AssertionError("The last turn returns or raises.")

    def wait_after(self, error: Exception, turn: int, began: float) -> None:
        """Wait before the next turn. Raises: VaultUnreachable, when there is to be none."""
        is_last = turn >= len(self._pauses) or time.monotonic() - began > LONGEST
        if is_last or not is_passing(error):
            raise self.unreachable(self.place.sentence(error)) from error
        time.sleep(self._pauses[turn] * random.uniform(0.5, 1))  # noqa: S311 - so that not all come at once

    def look(self) -> None:
        """See that the bucket is there and may be listed. Says why not, as the answer to a HEAD cannot."""
        self.ask("list_objects_v2", Prefix=f"{self._prefix}/" if self._prefix else "", MaxKeys=1)

    def listed(self, prefix: str, delimiter: str = "/") -> Iterator[dict[str, Any]]:
        """The pages of what lies right below this prefix; without a delimiter, of everything below it."""
        marks = {"ContinuationToken": "NextContinuationToken"}
        asked = {"Prefix": prefix} | ({"Delimiter": delimiter} if delimiter else {})
        return self._pages("list_objects_v2", marks, **asked)

    def open_uploads(self, prefix: str, delimiter: str = "") -> Iterator[tuple[str, str]]:
        """Key and upload id of everything begun and not ended whose key begins so."""
        marks = {"KeyMarker": "NextKeyMarker", "UploadIdMarker": "NextUploadIdMarker"}
        asked = {"Prefix": prefix} | ({"Delimiter": delimiter} if delimiter else {})
        try:
            for page in self._pages("list_multipart_uploads", marks, expects=NONE_BEGUN, **asked):
                yield from ((one["Key"], one["UploadId"]) for one in page.get("Uploads", ()))
        except Answer:  # so says a store in which nothing was ever begun, or that cannot list them
            return

    def abort_upload(self, key: str, upload: str) -> None:
        """End it and drop its parts. Nothing there is no error."""
        try:
            self.ask("abort_multipart_upload", expects=NO_UPLOAD, Key=key, UploadId=upload)
        except Answer:
            self.look()

    def _pages(
        self, call: str, marks: dict[str, str], *, expects: Collection[str] = (), **asked: Any
    ) -> Iterator[dict[str, Any]]:
        """`marks`: which field of an answer the next question hands over as what. Half a list is no list."""
        more: dict[str, Any] = {}
        while True:
            page = self.ask(call, expects=expects, **asked, **more)
            if "IsTruncated" not in page and not {"Name", "Bucket"} & set(page):
                raise self.unreachable(self.place.no_store())
            yield page
            if not page.get("IsTruncated"):
                return
            further = {name: page.get(field) for name, field in marks.items()}
            if further == more or not all(further.values()):
                raise self.unreachable(
                    f"{self} lists only a part of what it holds. Nothing was removed. Try again; "
                    "when it stays so, ask whoever runs the store."
                )
            more = further
