"""Where an environment's uploaded files lie: a directory, or a prefix in an S3 bucket; shown without its secret."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from .errors import FilesAddressNotReadable

SCHEME = "s3://"
BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
OPTIONS = ("endpoint", "region")
LONGEST_PREFIX = 512  # of 1,024 bytes that a key may have
BESIDE = ".portal-"
"""What the portal keeps beside a prefix is called after it: the prefix, this, and a label."""


@dataclass(frozen=True)
class FilesAddress:
    """A directory by its `path`, or a `bucket` with a `prefix` in it; both as they were registered.

    Without an `endpoint` or a `region` those of the settings hold, without a `key` the portal's own.
    """

    path: str = ""
    bucket: str = ""
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    key: str = ""
    secret: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `/a/directory` or `s3://KEY:SECRET@bucket/prefix?endpoint=https://…&region=…`.

        Raises:
            FilesAddressNotReadable: it begins as an S3 address and is none. The sentence never repeats the secret.
        """
        if not text.strip().startswith(SCHEME):
            return cls(path=text)
        try:
            parts = urlsplit(text.strip())
            options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
            own, _, bucket = parts.netloc.rpartition("@")
            endpoint = _endpoint(options.get("endpoint", ""))
        except ValueError:
            raise FilesAddressNotReadable from None
        key, _, secret = own.partition(":")
        prefix = unquote(parts.path).strip("/")
        if unknown := sorted(options.keys() - set(OPTIONS)):
            raise FilesAddressNotReadable(
                f"The address of uploaded files has the option {unknown[0]!r}, which the portal does not take; "
                f"it takes {' and '.join(OPTIONS)}."
            )
        address = cls("", bucket, prefix, endpoint, options.get("region", ""), unquote(key), unquote(secret))
        if parts.fragment or not address._is_whole():
            raise FilesAddressNotReadable
        return address

    def _is_whole(self) -> bool:
        texts = (self.prefix, self.region, self.key, self.secret)
        is_plain = all(one.isprintable() for one in texts) and len(self.prefix.encode()) <= LONGEST_PREFIX
        steps = self.prefix.split("/") if self.prefix else []
        return bool(BUCKET.fullmatch(self.bucket)) and is_plain and not {"", ".", ".."} & set(steps)

    @property
    def is_s3(self) -> bool:
        return bool(self.bucket)

    @property
    def directory(self) -> Path:
        """Only of what is no S3 address."""
        if self.is_s3:
            raise ValueError(f"{self} is no directory")
        return Path(self.path)

    def to_text(self) -> str:
        """The address without its secret: fit to be stored, shown and logged."""
        if not self.is_s3:
            return self.path
        who = f"{quote(self.key, safe='')}@" if self.key else ""
        where = f"/{quote(self.prefix)}" if self.prefix else ""
        options = {name: getattr(self, name) for name in OPTIONS if getattr(self, name)}
        tail = f"?{urlencode(options, safe=':/')}" if options else ""
        return f"{SCHEME}{who}{self.bucket}{where}{tail}"

    def with_secret(self, secret: str) -> Self:
        return replace(self, secret=secret)

    def with_prefix(self, prefix: str) -> Self:
        """Another prefix of the same bucket."""
        return replace(self, prefix=prefix)

    def is_same_login(self, other: "FilesAddress") -> bool:
        """Whether a secret of the one is a secret of the other: one key at one store."""
        return self.is_s3 and (self.key, self.endpoint) == (other.key, other.endpoint)

    @property
    def own_prefix(self) -> str:
        """The prefix as it was before the portal ever put a generation in its place."""
        return self.prefix.partition(BESIDE)[0].rstrip("/")

    def overlaps(self, other: "FilesAddress", *, usual_endpoint: str) -> bool:
        """Whether two S3 addresses, with all that the portal keeps beside them, have a place in common."""
        if (self.bucket, self.store(usual_endpoint)) != (other.bucket, other.store(usual_endpoint)):
            return False
        one, two = (f"{address.own_prefix}/".lstrip("/") for address in (self, other))
        return one.startswith(two) or two.startswith(one)

    def store(self, usual_endpoint: str) -> str:
        """The store it names; buckets of AWS are one world, whatever the region."""
        parts = urlsplit(self.endpoint or usual_endpoint)
        host = (parts.hostname or "").rstrip(".")
        if not host or host.endswith(".amazonaws.com"):
            return "AWS"
        is_here = host in ("localhost", "::1") or host.startswith("127.")
        return f"{'localhost' if is_here else host}:{parts.port or {'https': 443}.get(parts.scheme, 80)}"

    def __str__(self) -> str:
        return self.to_text()


def _endpoint(text: str) -> str:
    """Raises: ValueError"""
    parts = urlsplit(text)
    is_one = parts.scheme in ("http", "https") and parts.hostname and parts.username is None and parts.port != 0
    if text and (not is_one or not text.isprintable() or parts.query or parts.fragment):
        raise ValueError("no address of a store")
    return text.rstrip("/")
