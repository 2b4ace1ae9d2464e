"""The S3 store of an environment's uploaded files, by its address: the same questions, in other words."""

from functools import lru_cache
from typing import Any

from boto3 import Session
from django.conf import settings

from environments.files_address import FilesAddress

from ..errors import FilesStoreUnreachable
from .s3_client import PAUSES, READ_SECONDS, client_of
from .s3_errors import Words
from .s3_store import S3Store

HURRIED_SECONDS = 3
REGISTERED = "the registered address of the uploaded files"


def bucket_of(address: FilesAddress, *, is_hurried: bool = False) -> S3Store:
    """The store of an S3 address; what it does not say is as the settings say. Nothing is contacted yet.

    `is_hurried`: somebody waits for a page; what does not answer within seconds is not asked again.

    Everything that the store is asked raises FilesStoreUnreachable.
    """
    usual = settings.S3
    endpoint = address.endpoint or usual["endpoint_url"]
    own = (address.key, address.secret) if address.key else (usual["access_key"], usual["secret_key"])
    region = address.region or usual["region_name"]
    read_seconds = HURRIED_SECONDS if is_hurried else usual.get("read_seconds", READ_SECONDS)
    return S3Store(
        lambda: _client(endpoint, region, *own, read_seconds),
        bucket=address.bucket,
        prefix=address.prefix,
        endpoint=endpoint or "",
        pauses=() if is_hurried else usual.get("pauses", PAUSES),
        words=_words(address),
    )


@lru_cache(maxsize=32)
def _client(endpoint: str | None, region: str | None, key: str | None, secret: str | None, read_seconds: float) -> Any:
    return client_of(_session(key, secret), endpoint=endpoint, region=region, read_seconds=read_seconds)


@lru_cache(maxsize=32)
def _session(key: str | None, secret: str | None) -> Session:
    """It reads boto3's descriptions of S3, which takes its time."""
    return Session(key, secret)


def _words(address: FilesAddress) -> Words:
    return Words(
        what="store of uploaded files",
        begun="What was being done there was not finished.",
        place_at=REGISTERED,
        endpoint_at=REGISTERED if address.endpoint else "PORTAL_S3_ENDPOINT_URL",
        region_at=REGISTERED if address.region else "PORTAL_S3_REGION",
        key_at=REGISTERED if address.key else "AWS_ACCESS_KEY_ID",
        signed_at=REGISTERED if address.key else "AWS_SECRET_ACCESS_KEY",
        set_key="Register their address with a key, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        error=FilesStoreUnreachable,
    )
