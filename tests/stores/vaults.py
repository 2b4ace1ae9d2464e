"""Vaults in the stores of tests."""

from functools import lru_cache
from typing import Any

import boto3
import pytest
from pytest_django.fixtures import Settings

from backups.storage.s3_client import client_of
from backups.storage.vault_s3 import S3Vault

KEY, SECRET, BUCKET = "portal-key", "portal-secret-word", "vaults"
PAUSES = (0.02, 0.02, 0.02, 0.02)
every_kind = pytest.mark.parametrize("vault", ["directory", "real_store", "scripted_store"], indirect=True)
"""For tests of what every vault promises, whatever it is made of."""


def s3_options(endpoint: str, prefix: str) -> dict[str, Any]:
    """What the settings say of such a vault, with short waits."""
    return {
        "bucket_name": BUCKET,
        "location": prefix,
        "endpoint_url": endpoint,
        "region_name": "us-east-1",
        "access_key": KEY,
        "secret_key": SECRET,
        "pauses": PAUSES,
    }


@lru_cache
def _session(key: str, secret: str) -> boto3.Session:
    return boto3.Session(key, secret)


@lru_cache
def client(endpoint: str) -> Any:
    """Asks a store what it holds, past the portal."""
    return client_of(_session(KEY, SECRET), endpoint=endpoint, region="us-east-1")


class SharingVault(S3Vault):
    """Reads boto3's descriptions of S3 once for all tests."""

    def _create_session(self) -> boto3.Session:
        return _session(self.access_key, self.secret_key)


def use_vault(settings: Settings, endpoint: str, prefix: str, **other: Any) -> None:
    """Let the portal of this test keep its backups there."""
    options = s3_options(endpoint, prefix) | other
    settings.VAULT_LOCATION = f"s3://{options['bucket_name']}/{prefix}"
    settings.STORAGES = {
        **settings.STORAGES,
        "vault": {"BACKEND": "tests.stores.vaults.SharingVault", "OPTIONS": options},
    }


def s3_vault(endpoint: str, prefix: str, **other: Any) -> S3Vault:
    return SharingVault(**s3_options(endpoint, prefix) | other)
