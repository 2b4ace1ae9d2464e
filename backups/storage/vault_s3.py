"""A vault in an S3 store: a bucket, and a prefix in it. What is unfinished lies there as open multipart uploads."""

import threading
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NoReturn

from storages.backends.s3 import S3Storage

from ..errors import StoredMissing, VaultUnreachable
from .s3_client import PAUSES, READ_SECONDS, client_of
from .s3_store import ABSENT, Answer, S3Store
from .s3_stream import ObjectStream
from .vault import BLOCK
from .vault_s3_writer import S3Writer

AT_ONCE = 2
"""Parts on their way, over all writers of this process: what a slow store costs in memory is known."""
REFUSED = ("AccessDenied", "MethodNotAllowed", "InvalidRequest", "ObjectLocked", "403")


class S3Vault(S3Storage):  # type: ignore[misc]
    """Options beside those of django-storages: `read_seconds`, how long the store may be silent, and `pauses`, how long
    to wait before each repetition."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"location": str(options.get("location", "")).strip("/")})
        self.slots = threading.BoundedSemaphore(AT_ONCE)
        self.store = S3Store(
            self._make_client,
            bucket=self.bucket_name,
            prefix=self.location,
            endpoint=self.endpoint_url or "",
            pauses=self.pauses,
        )

    def get_default_settings(self) -> dict[str, Any]:
        return {**super().get_default_settings(), "read_seconds": READ_SECONDS, "pauses": PAUSES}

    def settle(self) -> None:
        """A bucket is made by whoever answers for its rights, region and encryption."""

    def create(self, name: str) -> S3Writer:
        return S3Writer(self.store, self._normalize_name(name), name, self.slots)

    def stream(self, name: str, start: int = 0, length: int | None = None, block: int = BLOCK) -> Iterator[bytes]:
        if length == 0:
            self.size(name)
            return
        yield from ObjectStream(self.store, self._normalize_name(name), name, start, length).blocks(block)

    def unfinished(self, folder: str) -> list[str]:
        prefix = self._prefix(folder)
        names = {key[len(prefix) :] for key, _ in self.store.open_uploads(prefix, "/")}
        return sorted(f"{folder}/{name}".lstrip("/") for name in names)

    def discard(self, name: str) -> None:
        key = self._normalize_name(name)
        for found, upload in list(self.store.open_uploads(key)):
            if found == key:
                self.store.abort_upload(key, upload)

    def delete(self, name: str) -> None:
        try:
            self.store.ask("delete_object", expects=(*ABSENT, *REFUSED), Key=self._normalize_name(name))
        except Answer as answer:
            self._check_there()
            if answer.code in REFUSED:
                raise VaultUnreachable(
                    f"{self.store} refuses to delete {name}: it may be locked until a date, or the portal's key may "
                    "not delete. It stays. Wait for the date, or let the key delete there."
                ) from answer

    def exists(self, name: str) -> bool:
        return self._head(name) is not None

    def size(self, name: str) -> int:
        head = self._head(name)
        if head is None:
            raise StoredMissing(f"{name} is missing in the vault.")
        if "ContentLength" not in head:
            raise VaultUnreachable(self.store.place.no_store())
        return int(head["ContentLength"])

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        prefix = self._prefix(path)
        folders, files = set[str](), set[str]()
        for page in self.store.listed(prefix):
            folders |= {one["Prefix"][len(prefix) : -1] for one in page.get("CommonPrefixes", ())}
            files |= {one["Key"][len(prefix) :] for one in page.get("Contents", ())}
        # Consoles make an empty object to show a folder.
        return sorted(folders - {""}), sorted(files - {""})

    def save(self, *args: object, **kwargs: object) -> NoReturn:
        """It would read its source in a foreign thread, and make another name of a taken one."""
        raise NotImplementedError("The vault is written through create().")

    def _head(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.store.ask("head_object", expects=ABSENT, Key=self._normalize_name(name))
        except Answer:
            self._check_there()
            return None
        return found

    def _check_there(self) -> None:
        """A missing object and a missing bucket look the same to those who ask for the object."""
        self.store.look()

    def _prefix(self, folder: str) -> str:
        key = self._normalize_name(folder) if folder else self.location
        return f"{key.strip('/')}/" if key else ""

    @cached_property
    def _client(self) -> Any:
        return client_of(
            self._create_session(),
            endpoint=self.endpoint_url,
            region=self.region_name,
            verify=self.verify,
            read_seconds=self.read_seconds,
        )

    def _make_client(self) -> Any:
        return self._client
