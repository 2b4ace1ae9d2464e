"""A PostgreSQL address: parsed, shown without its password, handed to programs without showing it."""

from dataclasses import dataclass, field, replace
from typing import Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from .errors import AddressNotReadable

PORT = 5432


@dataclass(frozen=True)
class DatabaseAddress:
    """Where a database is and who logs in.

    `host` may be a directory: then it is the folder of a Unix socket. `options` are libpq's own words (sslmode, …).
    """

    host: str
    port: int
    name: str
    user: str
    password: str = field(default="", repr=False)
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `postgresql://user:password@host:port/name?option=value`; a socket folder goes in `?host=/run/…`.

        Raises:
            AddressNotReadable: it is not such an address. The sentence never repeats the password.
        """
        try:
            parts = urlsplit(url.strip())
            port = parts.port or PORT
        except ValueError:
            raise AddressNotReadable from None
        options = dict(parse_qsl(parts.query))
        host = options.pop("host", None) or unquote(parts.hostname or "")
        name = unquote(parts.path.lstrip("/"))
        if parts.scheme not in ("postgresql", "postgres") or not (host and name and parts.username) or "\0" in url:
            raise AddressNotReadable
        return cls(
            host=host,
            port=int(options.pop("port", port)),
            name=name,
            user=unquote(parts.username),
            password=unquote(parts.password or ""),
            options=tuple(sorted(options.items())),
        )

    @property
    def is_socket(self) -> bool:
        return self.host.startswith("/")

    def to_url(self) -> str:
        """The address without its password: fit to be stored, shown and logged."""
        host = "" if self.is_socket else (f"[{self.host}]" if ":" in self.host else self.host)
        query = dict(self.options) | ({"host": self.host} if self.is_socket else {})
        tail = f"?{urlencode(query)}" if query else ""
        return f"postgresql://{quote(self.user, safe='')}@{host}:{self.port}/{quote(self.name, safe='')}{tail}"

    def with_password(self, password: str) -> Self:
        return replace(self, password=password)

    def __str__(self) -> str:
        return f"{self.name} on {self.host}:{self.port}"
