"""Writes files and folders into a place of a bucket: small ones many at once, large ones in parts."""

import mimetypes
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from itertools import chain

from ..errors import UnpackFailed
from .bucket_crew import WAITING, Crew
from .bucket_large import write_large
from .bucket_lists import Listed, Lists, below
from .bucket_marks import write_bytes, write_whole
from .columns import Headers
from .extract_refusals import shown
from .s3_store import S3Store

SMALL = 8 << 20
AHEAD_BYTES = 64 << 20
LONGEST_KEY = 1024
WRITTEN = ".written"


class BucketWriter:
    """What was written is on its way until `finish` has returned. Everything raises UnpackFailed or
    FilesStoreUnreachable; what was written stays, and removing it is the caller's."""

    def __init__(self, store: S3Store, place: str, crew: Crew) -> None:
        self._store, self._place, self._crew = store, place, crew
        self._lists = Lists(store)
        self._waiting: set[Future[tuple[str, int, str]]] = set()
        self._ahead_bytes = 0

    def write_file(
        self,
        path: bytes,
        content: Iterable[bytes],
        *,
        mode: int = 0o644,  # noqa: ARG002 - a bucket keeps no modes and no times but its own
        mtime_ns: int | None = None,  # noqa: ARG002
        headers: Headers | None = None,
    ) -> None:
        key = self._key(path)
        words = headers or _guessed(key)
        pieces = iter(content)
        head = _taken(pieces)
        if len(head) > SMALL:
            self._write_large(key, chain([head], pieces), words)
        else:
            self._write_small(key, head, words)

    def make_folder(self, path: bytes) -> None:
        """Folders are in the keys of what they hold; an empty one becomes an object of its own at the end."""
        self._lists.add_folder(self._key(path, "/").removeprefix(below(self._place)))

    def finish_folder(self, path: bytes, mode: int, mtime_ns: int) -> None:
        """A bucket keeps neither."""

    def finish(self) -> None:
        """Wait for everything, see that the store lists it as it was written, and say that the place is whole."""
        self._take(0)
        for folder in self._lists.empty_folders(WRITTEN):
            self._write_small(f"{below(self._place)}{folder}", b"", {"ContentType": "application/x-directory"})
        self._take(0)
        facts = self._lists.load(self._place, self._crew.tick)
        if wrong := self._lists.first_unlike(WRITTEN, self._place):
            raise UnpackFailed(
                f"{self._store} does not list {wrong!a} as it was written. Nothing was changed. Try again; when it "
                "stays so, ask whoever runs the store."
            )
        write_whole(self._store, self._place, own=facts)

    def close(self) -> None:
        self._lists.close()

    def _key(self, path: bytes, end: str = "") -> str:
        try:
            key = f"{below(self._place)}{path.decode()}{end}"
        except UnicodeDecodeError:
            raise UnpackFailed(
                f"{shown(path)} cannot be put into a bucket, because its name is no UTF-8. Nothing was changed. "
                "Rename it where it comes from, or put it into an environment whose files are in a directory."
            ) from None
        if len(key.encode()) > LONGEST_KEY:
            raise UnpackFailed(
                f"{shown(path)} cannot be put into a bucket: with its prefix the name is longer than {LONGEST_KEY} "
                "bytes. Nothing was changed. Shorten it where it comes from."
            )
        return key

    def _write_small(self, key: str, content: bytes, words: Headers) -> None:
        self._take(AHEAD_BYTES - len(content))

        def act(_: None) -> tuple[str, int, str]:
            return key, len(content), write_bytes(self._store, key, content, again=self._crew.check, **words)

        self._waiting.add(self._crew.begin(act, None))
        self._ahead_bytes += len(content)

    def _write_large(self, key: str, pieces: Iterator[bytes], words: Headers) -> None:
        size = write_large(self._store, self._crew, key, pieces, words)
        self._note(key, size, "")

    def _take(self, most_bytes: int) -> None:
        """Wait until no more than so much is on its way."""
        while self._waiting and (self._ahead_bytes > most_bytes or len(self._waiting) >= WAITING or not most_bytes):
            for key, size, tag in self._crew.some(self._waiting):
                self._ahead_bytes -= size
                self._note(key, size, tag)

    def _note(self, key: str, size: int, tag: str) -> None:
        self._lists.add(WRITTEN, Listed(key.removeprefix(below(self._place)), size, tag))


def _taken(pieces: Iterator[bytes]) -> bytes:
    """The beginning of a file, or the whole of it where it is small."""
    taken, size = list[bytes](), 0
    for piece in pieces:
        taken.append(piece)
        size += len(piece)
        if size > SMALL:
            break
    return b"".join(taken)


def _guessed(key: str) -> Headers:
    """What a file is, by its name: a browser that is shown an object goes by it."""
    kind, packed = mimetypes.guess_type(key.rpartition("/")[2], strict=False)
    return {"ContentType": "application/octet-stream" if packed or not kind else kind}
