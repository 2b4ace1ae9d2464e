"""An app's uploaded files in the buckets of tests' stores: put there, changed, taken away, and looked at."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from environments.files_address import FilesAddress

from .vaults import BUCKET, KEY, SECRET, client

AT_ONCE = 8
TRIES = 5


class Uploads:
    """What an app keeps below `prefix`. Names are those of files: what follows the prefix and its `/`."""

    def __init__(self, endpoint: str, prefix: str, *, bucket: str = BUCKET) -> None:
        self.prefix, self.bucket = prefix, bucket
        self.address = FilesAddress("", bucket, prefix, endpoint, "us-east-1", KEY, SECRET)
        self._client = client(endpoint)

    def at(self, prefix: str) -> "Uploads":
        """What another prefix of the same bucket holds."""
        return Uploads(self.address.endpoint, prefix, bucket=self.bucket)

    def put(self, name: str, content: bytes | str, **headers: Any) -> None:
        body = content.encode() if isinstance(content, str) else content
        for turn in range(TRIES):
            try:
                self._client.put_object(Bucket=self.bucket, Key=self._key(name), Body=body, **headers)
            except ClientError:  # so says the real store of a folder that two make at once
                if turn == TRIES - 1:
                    raise
            else:
                return

    def put_all(self, contents: dict[str, bytes]) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda one: self.put(*one), contents.items()))

    def get(self, name: str) -> bytes:
        return bytes(self._client.get_object(Bucket=self.bucket, Key=self._key(name))["Body"].read())

    def headers(self, name: str) -> dict[str, Any]:
        """What the store tells of one object beside its bytes."""
        return dict(self._client.head_object(Bucket=self.bucket, Key=self._key(name)))

    def remove(self, name: str) -> None:
        self._client.delete_object(Bucket=self.bucket, Key=self._key(name))

    def names(self) -> list[str]:
        """Everything below the prefix, in the store's order."""
        return [key[len(self._key("")) :] for key in self.keys(self._key(""))]

    def contents(self) -> dict[str, bytes]:
        """Everything below the prefix, with what it holds."""
        return {name: self.get(name) for name in self.names()}

    def keys(self, beginning: str = "") -> list[str]:
        """All keys of the bucket that begin so: what the portal keeps beside the prefix is among them."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=beginning)
        return [one["Key"] for page in pages for one in page.get("Contents", ())]

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name
