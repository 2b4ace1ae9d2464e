"""Settings from the environment, typed and checked; each may also be given as NAME_FILE."""

import os
import re
import secrets
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
LOCATION = re.compile(r"(/[A-Za-z0-9_-]+)+/?")
BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


class SettingRefused(SystemExit):
    """A setting is missing or wrong: the start stops with its name and what is expected."""


class Config(BaseSettings):
    """Every setting of the portal. The names are a contract; README lists them."""

    model_config = SettingsConfigDict(case_sensitive=True, extra="ignore")

    PORTAL_DATA_DIR: Path = Field(ROOT / "var", description="Everything that is written")
    PORTAL_BASE_URL: str = Field("http://127.0.0.1:8000", description="Where people reach the portal")
    PORTAL_SECRET_KEY: SecretStr = Field(SecretStr(""), description="Signs sessions and links")
    PORTAL_SECRETS_KEYS: SecretStr = Field(
        SecretStr(""), description="Encrypts passwords at rest; comma-separated, newest first"
    )
    PORTAL_DEBUG: bool = Field(False, description="Django's debug pages; never in production")
    PORTAL_ALLOWED_HOSTS: str = Field("", description="Comma-separated; default: loopback and the base URL's host")
    DATABASE_URL: str = Field("", description="The portal's own database; default: SQLite in the data directory")
    REDIS_URL: str = Field("", description="The queue's broker, a Redis; default: the queue lives in the database")
    PORTAL_VAULT: str = Field("", description="A directory, or s3://bucket/prefix; default: in the data directory")
    PORTAL_S3_ENDPOINT_URL: str = Field("", description="An S3-compatible server's address")
    PORTAL_S3_REGION: str = Field("us-east-1", description="The S3 region")
    AWS_ACCESS_KEY_ID: SecretStr = Field(SecretStr(""), description="The S3 key's name")
    AWS_SECRET_ACCESS_KEY: SecretStr = Field(SecretStr(""), description="The S3 key")
    PORTAL_PG_BIN: str = Field("", description="A folder with pg_dump and pg_restore that goes before all others")
    PORTAL_ALLOW_OLD_CLIENTS: bool = Field(
        False, description="Accept uploaded dumps although the client programs are below the safe versions"
    )
    PORTAL_UNDO_HOURS: int = Field(24, ge=1, le=24 * 30, description="How long a restore can be taken back")
    PORTAL_UPLOAD_ENTRIES: int = Field(1_000_000, ge=1, description="Most files and folders of an uploaded archive")
    PORTAL_UPLOAD_DEPTH: int = Field(64, ge=1, le=200, description="Most folders in one path of an uploaded archive")
    PORTAL_UPLOAD_RATIO: int = Field(
        200, ge=2, description="How many times its own size an uploaded archive may unpack to, counted beyond 64 MiB"
    )
    PORTAL_ACTIVE_PER_PERSON: int = Field(
        20, ge=0, description="Most operations of one person at work or waiting at once; 0: no limit"
    )
    PORTAL_UPLOADS_PER_PERSON: int = Field(
        10, ge=1, description="Most files that one person brought and has not used yet"
    )
    PORTAL_DOWNLOADS_PER_PERSON: int = Field(
        4, ge=1, description="Most downloads of one person that one web process sends at once; nginx's do not count"
    )
    PORTAL_DUMP_COMPRESSION: str = Field(
        "zstd:1", pattern=r"^(none|gzip|lz4|zstd)(:\d{1,2})?$", description="pg_dump's --compress"
    )
    PORTAL_METRICS_TOKEN: SecretStr = Field(
        SecretStr(""), description="What Prometheus shows at /metrics; without it there are none"
    )
    PORTAL_X_ACCEL: str = Field(
        "", description="nginx's internal location over the vault directory, which then sends dumps itself"
    )
    EMAIL_HOST: str = Field("", description="The mail server that alarms go through; without it the log has them")
    EMAIL_PORT: int = Field(25, ge=1, le=65535, description="Its port")
    EMAIL_HOST_USER: str = Field("", description="Who signs in there")
    EMAIL_HOST_PASSWORD: SecretStr = Field(SecretStr(""), description="With which password")
    EMAIL_USE_TLS: bool = Field(False, description="STARTTLS, as on port 587")
    EMAIL_USE_SSL: bool = Field(False, description="TLS from the start, as on port 465")
    DEFAULT_FROM_EMAIL: str = Field("portal@localhost", description="The sender of alarms")

    @field_validator("PORTAL_BASE_URL")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected an address such as https://portal.example.org")
        return value.rstrip("/")

    @field_validator("REDIS_URL")
    @classmethod
    def _is_a_queue(cls, value: str) -> str:
        parts = urlsplit(value)
        has_a_place = parts.path not in ("", "/") if parts.scheme == "unix" else parts.hostname and parts.port != 0
        paths = {"redis": r"(/\d*)?", "rediss": r"(/\d*)?", "unix": "/.+"}
        if value and not (has_a_place and re.fullmatch(paths.get(parts.scheme, "-"), parts.path)):
            raise ValueError("expected an address such as redis://:password@host:6379/0, rediss://… or unix:///socket")
        return value

    @field_validator("PORTAL_VAULT")
    @classmethod
    def _is_a_vault(cls, value: str) -> str:
        parts = urlsplit(value)
        if "://" in value and (parts.scheme != "s3" or not BUCKET.fullmatch(parts.netloc) or parts.query):
            raise ValueError("expected a directory or s3://bucket/prefix")
        return value

    @field_validator("PORTAL_X_ACCEL")
    @classmethod
    def _is_a_location(cls, value: str) -> str:
        if value and not LOCATION.fullmatch(value):
            raise ValueError("expected the path of nginx's internal location, such as /vault/")
        return value and f"{value.rstrip('/')}/"

    @field_validator("PORTAL_S3_ENDPOINT_URL")
    @classmethod
    def _is_a_store(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None):
            raise ValueError("expected an address such as https://s3.example.org, without a key in it")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _has_a_whole_key(self) -> Self:
        halves = {"AWS_ACCESS_KEY_ID": self.AWS_ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": self.AWS_SECRET_ACCESS_KEY}
        missing = [name for name, value in halves.items() if not value.get_secret_value()]
        if len(missing) == 1:
            raise ValueError(f"{missing[0]} is missing: give both {' and '.join(halves)}, or none")
        return self

    @model_validator(mode="after")
    def _has_keys_in_production(self) -> Self:
        if not self.is_production:
            return self
        for name in ("PORTAL_SECRET_KEY", "PORTAL_SECRETS_KEYS"):
            if not getattr(self, name).get_secret_value():
                raise ValueError(f"{name} is required when PORTAL_BASE_URL begins with https://")
        return self

    @property
    def is_production(self) -> bool:
        return self.PORTAL_BASE_URL.startswith("https://")

    @property
    def data_dir(self) -> Path:
        return self.PORTAL_DATA_DIR.expanduser().resolve()

    @property
    def allowed_hosts(self) -> list[str]:
        if self.PORTAL_ALLOWED_HOSTS:
            return [host.strip() for host in self.PORTAL_ALLOWED_HOSTS.split(",") if host.strip()]
        return sorted({"localhost", "127.0.0.1", "[::1]", urlsplit(self.PORTAL_BASE_URL).hostname or ""})

    @property
    def x_accel(self) -> str:
        """What lies in a store, nginx cannot open."""
        return "" if self.PORTAL_VAULT.startswith("s3://") else self.PORTAL_X_ACCEL

    @property
    def secret_key(self) -> str:
        return self.PORTAL_SECRET_KEY.get_secret_value() or _kept_key(
            self.data_dir / "keys" / "secret_key", secrets.token_urlsafe(50)
        )

    @property
    def secrets_keys(self) -> list[str]:
        given = self.PORTAL_SECRETS_KEYS.get_secret_value() or _kept_key(
            self.data_dir / "keys" / "secrets_keys", Fernet.generate_key().decode()
        )
        return [key.strip() for key in given.split(",") if key.strip()]


def _kept_key(path: Path, fresh: str) -> str:
    """The key in this file, made once. Two first starts at the same moment agree on one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    if not path.exists():
        beside.touch(mode=0o600)
        beside.write_text(fresh)
        try:
            os.link(beside, path)
        except FileExistsError:
            pass
        finally:
            beside.unlink()
    return path.read_text().strip()


def _from_files(environ: dict[str, str]) -> dict[str, str]:
    """NAME_FILE=/run/secrets/x stands for NAME=<what the file holds>."""
    found = {}
    for name in Config.model_fields:
        path = environ.get(f"{name}_FILE")
        if not path:
            continue
        if environ.get(name):
            raise SettingRefused(f"{name} and {name}_FILE are both set: give one of them.")
        try:
            found[name] = Path(path).read_text().strip()
        except OSError as error:
            raise SettingRefused(f"{name}_FILE: {path} cannot be read ({error.strerror}).") from None
    return found


def load(environ: dict[str, str] | None = None) -> Config:
    """Read the settings.

    Raises:
        SettingRefused: with one line per wrong setting: its name and what is expected.
    """
    given: dict[str, Any] = _from_files(dict(os.environ) if environ is None else environ)
    try:
        return Config(**given)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, one['loc'])) or 'Settings'}: {one['msg']}" for one in error.errors()]
        raise SettingRefused("\n".join(["A setting is wrong.", *lines])) from None
