"""A PostgreSQL address: parsed, shown without its password, handed to programs without showing it."""

import socket
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from .errors import AddressNotReadable

PORT = 5432
# libpq's own words that may stand in an address. The others name people, passwords, files with passwords or other
# servers: they would be stored and shown, or lead elsewhere than the address says.
KNOWN_OPTIONS = {
    *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir", "sslsni", "sslnegotiation"),
    *("ssl_min_protocol_version", "ssl_max_protocol_version", "channel_binding", "require_auth", "requirepeer"),
    *("gssencmode", "krbsrvname", "target_session_attrs", "connect_timeout", "tcp_user_timeout", "options"),
    *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
}
THIS_MACHINE = "loopback"


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
            options = dict(parse_qsl(parts.query))
            port = int(options.pop("port", parts.port or PORT))
        except ValueError:
            raise AddressNotReadable from None
        host = options.pop("host", None) or unquote(parts.hostname or "")
        name, user = unquote(parts.path.removeprefix("/")), unquote(parts.username or "")
        if parts.scheme not in ("postgresql", "postgres") or not (host and name and user):
            raise AddressNotReadable
        # The pass file and the log go by lines.
        if not all(one.isprintable() for one in (host, name, user, *options.values())) or not 0 < port < 65536:
            raise AddressNotReadable
        if unknown := sorted(options.keys() - KNOWN_OPTIONS):
            raise AddressNotReadable(
                f"The database address has the option {unknown[0]!r}, which the portal does not take; "
                "it takes sslmode, sslrootcert and the like."
            )
        return cls(host, port, name, user, unquote(parts.password or ""), tuple(sorted(options.items())))

    @property
    def is_socket(self) -> bool:
        return self.host.startswith("/")

    @property
    def server(self) -> str:
        """The server it names: host and port. Every way to write this machine is one; other names are not looked up."""
        name = self.host.casefold().rstrip(".")
        return f"{THIS_MACHINE if name == 'localhost' or _is_loopback(name) else name}:{self.port}"

    def to_url(self) -> str:
        """The address without its password: fit to be stored, shown and logged."""
        host = "" if self.is_socket else (f"[{self.host}]" if ":" in self.host else self.host)
        query = dict(self.options) | ({"host": self.host} if self.is_socket else {})
        tail = f"?{urlencode(query)}" if query else ""
        return f"postgresql://{quote(self.user, safe='')}@{host}:{self.port}/{quote(self.name, safe='')}{tail}"

    def with_password(self, password: str) -> Self:
        return replace(self, password=password)

    def is_same_database(self, other: "DatabaseAddress") -> bool:
        """Whether both lead to one database, as far as addresses tell: other names of a host are looked up."""
        if (self.name, self.port) != (other.name, other.port):
            return False
        return bool(_machines(self.host) & _machines(other.host))

    def __str__(self) -> str:
        return f"{self.name} on {self.host}:{self.port}"


def _machines(host: str) -> set[str]:
    """Every way to write one place: its name, and the addresses that stand behind it."""
    if host.startswith("/"):
        return {str(Path(host).resolve())}
    names = {host.casefold().rstrip(".")}
    try:
        names |= {str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return names
    return {THIS_MACHINE if _is_loopback(name) else name for name in names}


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
