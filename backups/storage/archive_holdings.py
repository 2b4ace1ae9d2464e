"""What an archive is made of, whatever its format: the dump, the files, and the lists about them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from .archive_contents import RowReader
from .archive_parts import Piece, hashed
from .archive_rows import Rows, checksum_lines, name_pairs, rows_of
from .manifest import ManifestReader, Reading
from .stored import Stored
from .vault import Vault

DUMP, SUMS, NAMES, METADATA, README = "db/db.backup", "SHA256SUMS", "NAMES.json", ".metadata", "README.txt"
BLOCK_OF_DUMP = 256 << 10


class Known(NamedTuple):
    """Length and CRC-32 of something that is made while it streams."""

    length: int
    crc32: int


@dataclass(frozen=True)
class Facts:
    """What was computed while the manifest was written; `wide` counts files of 4 GiB and more."""

    entries: int
    wide: int
    tree_zip_bytes: int
    directory_bytes: int
    tree_tar_bytes: int
    sums: Known
    sums_with_dump: Known
    names: Known

    @property
    def has_written_names(self) -> bool:
        return self.names.length > len(b"{}")

    @classmethod
    def of(cls, said: dict[str, Any]) -> Self:
        """Raises: TypeError, KeyError when something is missing."""
        numbers = (said[name] for name in ("entries", "wide", "tree_zip_bytes", "directory_bytes", "tree_tar_bytes"))
        return cls(*numbers, *(Known(*said[name]) for name in ("sums", "sums_with_dump", "names")))


class Small(NamedTuple):
    """An entry that is at hand; these may change, so they stand last."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Holdings:
    """`dump` is None where only the files are taken; `at` is the time of all entries that are no files, in seconds.

    `is_checked`: what is read whole is compared with its sums on the way. A zip tells by itself when it is not.
    """

    vault: Vault
    manifest: ManifestReader
    facts: Facts
    dump: Stored | None
    at: int
    tail: tuple[Small, ...]
    is_checked: bool = True

    @property
    def sums(self) -> Known:
        return self.facts.sums_with_dump if self.dump else self.facts.sums

    def rows(self) -> Iterator[Rows]:
        return map(rows_of, self.manifest.columns())

    def contents(self) -> RowReader:
        return RowReader(self.vault, self.manifest, is_checked=self.is_checked)

    def dump_content(self, start: int, stop: int) -> Iterator[Piece]:
        assert self.dump is not None
        return dump_pieces(self.vault, self.dump, start, stop, is_checked=self.is_checked)

    def checksums(self) -> Iterator[bytes]:
        """SHA256SUMS: every file, and the dump last, because it is known last."""
        for rows in self.rows():
            yield checksum_lines(rows)
        if self.dump:
            yield dump_line(self.dump)

    def names(self) -> Iterator[bytes]:
        """NAMES.json. Where nothing is called otherwise, the manifest is not read for it."""
        yield b"{"
        is_first = True
        for rows in self.rows() if self.facts.has_written_names else ():
            for pair in name_pairs(rows):
                yield (b"\n" if is_first else b",\n") + pair
                is_first = False
        yield b"}"


def stored_dump(manifest: ManifestReader) -> Stored:
    """Raises: ManifestNotReadable."""
    with Reading():
        dump = manifest.end["dump"]
        return Stored(dump["name"], dump["bytes"], dump["sha256"], dump["crc32"])


def dump_pieces(vault: Vault, dump: Stored, start: int, stop: int, *, is_checked: bool) -> Iterator[Piece]:
    """The dump's bytes; a whole one may be compared with its SHA-256 on the way. Raises as `Vault.stream`."""
    pieces = vault.stream(dump.name, start, stop - start, BLOCK_OF_DUMP)
    return hashed(pieces, dump.sha256, DUMP) if is_checked and (start, stop) == (0, dump.size) else pieces


def dump_line(dump: Stored) -> bytes:
    return f"{dump.sha256}  {DUMP}\n".encode()
