"""The header of a PostgreSQL dump: which version made it, how it is packed, which client reads it."""

import re
from dataclasses import dataclass
from enum import IntEnum

COMPRESSIONS = ("none", "gzip", "lz4", "zstd")
# Which archive version each client reads at most; tried with 15.18 (refuses 1.15) and 17.10.
NEWEST_READ = {12: (1, 14), 13: (1, 14), 14: (1, 14), 15: (1, 14), 16: (1, 15), 17: (1, 16), 18: (1, 16)}
BYTE_OF_METHOD = (1, 15)  # before, a level stood where the method stands
LONGEST_TEXT = 200


class FormatByte(IntEnum):
    UNKNOWN = 0
    CUSTOM = 1
    TAR = 3  # the table of contents of a directory dump says this too


@dataclass(frozen=True)
class DumpHeader:
    """`version` is the archive's own (1, 16, 0); `server`, `client` and `database` are empty where not readable."""

    version: tuple[int, int, int]
    form: FormatByte
    compression: str = "unknown"
    database: str = ""
    server: str = ""
    client: str = ""

    @property
    def needs_client(self) -> int | None:
        """The oldest major version of pg_restore that reads it; None when it is newer than all known ones."""
        return next((major for major, newest in NEWEST_READ.items() if self.version[:2] <= newest), None)

    def too_new_for(self, newest: tuple[int, int]) -> str:
        """What to say to somebody whose portal reads archives up to `newest`."""
        made_by = re.match(r"\d+", self.client)
        maker = (
            f"PostgreSQL {made_by[0]}"
            if made_by
            else f"a newer PostgreSQL (archive {self.version[0]}.{self.version[1]})"
        )
        reads = max((major for major, version in NEWEST_READ.items() if version <= newest), default=0)
        return (
            f"The dump was made by {maker}; this portal can read up to {reads}. Nothing was changed. "
            f"Make it with pg_dump {reads}, or ask for a newer PostgreSQL client on the portal's server."
        )


def newest_read_by(client_major: int) -> tuple[int, int]:
    """The newest archive version that a client of this major version reads."""
    known = [major for major in NEWEST_READ if major <= client_major]
    return NEWEST_READ[max(known)] if known else (1, 13)


def read_header(head: bytes) -> DumpHeader:
    """Read what begins with PGDMP. What is cut or odd is left empty: pg_restore itself has the last word."""
    if len(head) < 11:
        return DumpHeader((0, 0, 0), FormatByte.UNKNOWN)
    version = (head[5], head[6], head[7])
    form = FormatByte(head[10]) if head[10] in set(FormatByte) else FormatByte.UNKNOWN
    try:
        reader = _Fields(head, 11, head[8])
        compression = reader.method() if version[:2] >= BYTE_OF_METHOD else reader.level()
        for _ in range(7):  # the moment of the dump
            reader.number()
        database, server, client = reader.text(), reader.text(), reader.text()
    except ValueError:
        return DumpHeader(version, form)
    return DumpHeader(version, form, compression, database, server, client)


class _Fields:
    """Reads a sign byte and little-endian numbers of the size the header names. Raises: ValueError."""

    def __init__(self, head: bytes, at: int, number_bytes: int) -> None:
        self._head, self._at, self._number_bytes = head, at, number_bytes
        if not 1 <= number_bytes <= 8:
            raise ValueError(number_bytes)

    def method(self) -> str:
        number = self._take(1)[0]
        return COMPRESSIONS[number] if number < len(COMPRESSIONS) else "unknown"

    def level(self) -> str:
        return "gzip" if self.number() else "none"

    def number(self) -> int:
        sign = self._take(1)[0]
        number = int.from_bytes(self._take(self._number_bytes), "little")
        return -number if sign else number

    def text(self) -> str:
        length = self.number()
        if length > LONGEST_TEXT:
            raise ValueError(length)
        return self._take(max(length, 0)).decode("utf-8", "replace")

    def _take(self, length: int) -> bytes:
        piece = self._head[self._at : self._at + length]
        if len(piece) < length:
            raise ValueError(length)
        self._at += length
        return piece
