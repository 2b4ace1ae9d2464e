"""One object of a bucket of uploaded files, read as the file that it is: always one version of it, from end to end."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any, NamedTuple

from ..errors import FilesStoreUnreachable, FilesUnreadable, StoredDiffers, StoredMissing
from .columns import Headers
from .documents_found import ChangedMeanwhile, shown
from .s3_store import S3Store
from .s3_stream import ObjectStream

PIECE = 1 << 20
MODE = 0o100644
NEVER = 1 << 62
NO_UTF8 = "\ufffd"  # stands where what a store lists cannot be read
KEPT_HEADERS = ("ContentType", "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage")
USUAL_TYPE = "binary/octet-stream"  # what a store says of an object of which nothing was said


class ObjectSeen(NamedTuple):
    """How an object looked: its ETag stands where a file's inode does."""

    st_size: int
    st_mtime_ns: int
    st_ino: int
    st_ctime_ns: int

    @property
    def st_mode(self) -> int:
        return MODE

    @property
    def st_uid(self) -> int:
        return 0

    @property
    def st_gid(self) -> int:
        return 0


class FoundObject(NamedTuple):
    """An object where a file would be; it can be read as long as it is there."""

    path: str
    key: str
    tag: str
    seen: ObjectSeen
    bucket: S3Store

    def hold(self) -> None:
        """Nothing is open."""

    def release(self) -> None:
        """Nothing is open."""

    def open(self) -> "OpenedObject | None":
        """Raises: FilesUnreadable, ChangedMeanwhile"""
        opened = OpenedObject(self)
        if opened.is_there():
            return opened
        if NO_UTF8 in self.path:
            raise FilesUnreadable(
                f"{shown(self.path)} in the uploaded files has a name that is no UTF-8, so the store cannot be asked "
                "for it, and a backup must not silently lack files. No backup was made. Rename it, then try again."
            )
        if self._is_listed():
            raise ChangedMeanwhile
        return None

    def _is_listed(self) -> bool:
        """Whether a store that does not give it still names it: then it did not just vanish."""
        return any(one["Key"] == self.key for one in next(self.bucket.listed(self.key, "")).get("Contents", ()))


class OpenedObject:
    """Read from one answer, or from several of which each is of the same version."""

    def __init__(self, found: FoundObject) -> None:
        self._found = found
        self.seen, self.headers = found.seen, Headers()
        self._ahead = b""
        self._begin()

    def is_there(self) -> bool:
        """Whether there is such an object; what it is now is known from here on. Raises: FilesUnreadable"""
        try:
            self._first()
        except StoredMissing:
            return False
        except StoredDiffers as error:
            raise ChangedMeanwhile from error
        return True

    def read(self, length: int) -> bytes:
        parts = [self._ahead]
        with self._of_one_version():
            parts += self._blocks
        self._ahead = b""
        return b"".join(parts)[:length]

    def fill(self, buffer: memoryview) -> int:
        count = 0
        while count < len(buffer):
            if not self._ahead:
                with self._of_one_version():
                    self._ahead = next(self._blocks, b"")
                if not self._ahead:
                    break
            piece, self._ahead = self._ahead[: len(buffer) - count], self._ahead[len(buffer) - count :]
            buffer[count : count + len(piece)] = piece
            count += len(piece)
        return count

    def sample(self, length: int) -> bytes:  # noqa: ARG002
        return b""

    def rewind(self) -> None:
        if self._stream.at == len(self._ahead):
            return
        self.close()
        self._begin()
        with self._of_one_version():
            self._first()

    def look(self) -> ObjectSeen:
        return self.seen

    def close(self) -> None:
        self._blocks.close()

    def _begin(self) -> None:
        self._stream = ObjectStream(self._found.bucket, self._found.key, self._found.path)
        self._blocks = self._stream.blocks(PIECE)

    def _first(self) -> None:
        with self._named():
            self._ahead = next(self._blocks, b"")
        told = self._stream.told
        self.headers = _headers(told)
        if tag_of(told) != self._found.tag or self._stream.total != self._found.seen.st_size:
            self.seen = seen_of(self._stream.total, time_of(told), tag_of(told))
        else:
            self.seen = self._found.seen

    @contextmanager
    def _of_one_version(self) -> Iterator[None]:
        try:
            with self._named():
                yield
        except StoredDiffers as error:
            raise ChangedMeanwhile from error

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except FilesStoreUnreachable as error:
            raise FilesStoreUnreachable(f"{shown(self._found.path)} could not be read. {error}") from error


def tag_of(answer: dict[str, Any]) -> str:
    """The ETag, which some stores put into quotes."""
    return str(answer.get("ETag", "")).strip('"')


def time_of(answer: dict[str, Any]) -> int:
    """When it was changed last, in nanoseconds; 0 where that is not told."""
    changed_at = answer.get("LastModified")
    return round(changed_at.timestamp() * 10**6) * 1000 if changed_at else 0


def seen_of(size: int, mtime_ns: int, tag: str) -> ObjectSeen:
    """What a store says of an object. Without an ETag nothing tells that it did not change."""
    mark = int.from_bytes(blake2b(tag.encode(), digest_size=8).digest()) >> 1
    return ObjectSeen(size, mtime_ns, mark, mtime_ns if tag and mtime_ns else NEVER)


def _headers(told: dict[str, Any]) -> Headers:
    kept = {name: told[name] for name in KEPT_HEADERS if told.get(name)}
    if kept.get("ContentType") == USUAL_TYPE:
        del kept["ContentType"]
    own = told.get("Metadata")
    if isinstance(own, dict) and own:
        kept["Metadata"] = {str(name).lower(): value for name, value in own.items()}
    return kept
