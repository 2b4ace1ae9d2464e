"""Clients of S3 stores: how long they wait, and that they repeat nothing by themselves."""

from typing import Any

from boto3 import Session
from botocore.config import Config

CONNECT_SECONDS, READ_SECONDS = 5, 25
"""Twice as long is less than the lease of whoever waits."""
PAUSES = (0.5, 1, 2, 4)
CONNECTIONS = 20


def client_of(
    session: Session,
    *,
    endpoint: str | None,
    region: str | None,
    verify: bool | str | None = None,
    read_seconds: float = READ_SECONDS,
) -> Any:
    """A client for several threads. It contacts nobody yet."""
    return session.client(
        "s3",
        region_name=region,
        endpoint_url=endpoint,
        verify=verify,
        # Stores other than AWS store what they do not know of checksums as part of the object.
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=CONNECT_SECONDS,
            read_timeout=read_seconds,
            retries={"total_max_attempts": 1},
            tcp_keepalive=True,
            max_pool_connections=CONNECTIONS,
        ),
    )
