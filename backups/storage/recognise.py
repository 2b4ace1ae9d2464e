"""What an uploaded file is, told by its first bytes and never by its name."""

import os
import re
import zlib
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

from ..errors import UploadRefused
from .recognise_dump import COMPRESSIONS, DumpHeader, FormatByte, read_header

HEAD = 4096
BLOCK = 512
PIECE = 16
MAKE_A_DUMP = "pg_dump -Fc --no-owner --no-privileges -f data.backup DATABASE"
MAKE_AN_ARCHIVE = "tar -czf files.tar.gz -C FOLDER ."
DUMPS_TAKEN = f"Database dumps are taken in PostgreSQL's custom format; make one with: {MAKE_A_DUMP}"
ARCHIVES_TAKEN = f"Files are taken as .zip, .tar or .tar.gz; make one with: {MAKE_AN_ARCHIVE}"
FULL_BACKUPS_TAKEN = (
    "A full backup is what a portal gives under Download, a .zip or .tar.gz; other files go up by themselves."
)


class FileKind(StrEnum):
    DUMP = "dump"
    ZIP = "zip"
    TAR = "tar"
    TAR_GZ = "tar.gz"
    GZIP_OF_DUMP = "gzip-of-dump"
    GZIP = "gzip"
    PLAIN_SQL = "plain-sql"
    DUMPALL = "pg-dumpall"
    DIRECTORY_DUMP = "directory-dump"
    TAR_DUMP = "tar-dump"
    OTHER_PRODUCT = "other-product"
    OTHER_ARCHIVE = "other-archive"
    EMPTY = "empty"
    UNKNOWN = "unknown"


ARCHIVES = (FileKind.ZIP, FileKind.TAR, FileKind.TAR_GZ)
WORDS = {
    FileKind.DUMP: "a PostgreSQL dump in custom format",
    FileKind.ZIP: "a zip archive",
    FileKind.TAR: "a tar archive",
    FileKind.TAR_GZ: "a tar.gz archive",
    FileKind.GZIP_OF_DUMP: "a PostgreSQL dump packed once more with gzip (gunzip unpacks it)",
    FileKind.GZIP: "a file packed with gzip, and neither a dump nor a tar archive inside",
    FileKind.PLAIN_SQL: "a dump in plain SQL",
    FileKind.DUMPALL: "the output of pg_dumpall, which holds a whole server",
    FileKind.DIRECTORY_DUMP: "the table of contents (toc.dat) of a dump in directory format",
    FileKind.TAR_DUMP: "a PostgreSQL dump in tar format",
    FileKind.EMPTY: "empty",
    FileKind.UNKNOWN: "of no known kind",
}
OTHERS = (
    (re.compile(rb"SQLite format 3\0"), "an SQLite database"),
    (re.compile(rb"(/\*M?!.{,80}\n)?-- (MySQL|MariaDB) dump"), "a dump of MySQL or MariaDB"),
    (re.compile(rb"\x6d\xe2\x99\x81"), "a dump of MongoDB"),
    (re.compile(rb"TAPE\0\0"), "a backup of Microsoft SQL Server"),
    (re.compile(rb"\x03.{1,2}EXPORT:V", re.DOTALL), "an export of Oracle"),
)
OTHER_ARCHIVES = (
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"\xfd7zXZ\0", "a file packed with xz"),
    (b"BZh", "a file packed with bzip2"),
    (b"\x28\xb5\x2f\xfd", "a file packed with zstd"),
    (b"\x04\x22\x4d\x18", "a file packed with lz4"),
)
SQL = re.compile(
    rb"(?>\s+|--[^\n]*\n|/\*(?:[^*]|\*(?!/))*+\*/)*+(\\restrict|\\connect|SET|CREATE|BEGIN|ALTER|DROP|INSERT|COPY|SELECT)\b",
    re.IGNORECASE,
)
TAR_SUM = re.compile(rb" *([0-7]{1,8})[ \0]*")
COMMENT_AT_FRONT = re.compile(rb"(\xef\xbb\xbf)?[\s-]{,40}PostgreSQL database (cluster )?dump")


@dataclass(frozen=True)
class Recognised:
    """What a file is. `what` is said of it in a sentence; `header` is a dump's own."""

    kind: FileKind
    what: str
    header: DumpHeader | None = None

    @property
    def sentence(self) -> str:
        """What it is and, unless it is taken, which formats are and how to make them."""
        if self.kind is FileKind.DUMP or self.kind in ARCHIVES:
            return f"The file is {self.what}."
        return f"The file is {self.what}. {DUMPS_TAKEN}. {ARCHIVES_TAKEN}"


def recognise(file: BinaryIO) -> Recognised:
    """Tell what an open file is. It must have a descriptor; its position is neither used nor moved."""
    return recognise_head(os.pread(file.fileno(), HEAD, 0))


def recognise_head(head: bytes) -> Recognised:
    """The same from the first 4,096 bytes, or all there are."""
    if not head:
        return _known(FileKind.EMPTY)
    if head.startswith(b"\x1f\x8b"):
        return _packed(_unpack_head(head))
    return _dump(head) or _archive(head) or _foreign(head) or _text(head) or _known(FileKind.UNKNOWN)


def require_dump(
    recognised: Recognised, *, newest: tuple[int, int] | None = None, compressions: tuple[str, ...] = COMPRESSIONS
) -> DumpHeader:
    """The header of a dump that may be uploaded.

    `newest` is the newest archive version our client reads (None: any), `compressions` the methods it was built with.
    Raises: UploadRefused with code not-a-dump, dump-damaged, dump-too-new or dump-compression.
    """
    header = recognised.header
    if recognised.kind is not FileKind.DUMP or header is None:
        raise UploadRefused("not-a-dump", f"The file is {recognised.what}. Nothing was changed. {DUMPS_TAKEN}")
    if header.compression == "unknown":
        raise UploadRefused(
            "dump-damaged", f"The dump's first bytes are cut or damaged. Nothing was changed. {DUMPS_TAKEN}"
        )
    if newest and header.version[:2] > newest:
        raise UploadRefused("dump-too-new", header.too_new_for(newest))
    if header.compression not in compressions:
        raise UploadRefused(
            "dump-compression",
            f"The dump is packed with {header.compression}, which this portal's pg_restore cannot read. "
            f"Nothing was changed. Make it with: pg_dump -Fc -Z 1 -f data.backup DATABASE",
        )
    return header


def require_archive(recognised: Recognised, *, taken: str = ARCHIVES_TAKEN) -> FileKind:
    """The kind of an archive that may be uploaded; `taken` is what is said of other files.

    Raises: UploadRefused with code not-an-archive or empty-file.
    """
    if recognised.kind in ARCHIVES:
        return recognised.kind
    code = "empty-file" if recognised.kind is FileKind.EMPTY else "not-an-archive"
    raise UploadRefused(code, f"The file is {recognised.what}. Nothing was changed. {taken}")


def is_tar_header(block: bytes) -> bool:
    """Whether a block says of itself, by its sum, that it begins a member of a tar archive."""
    said = TAR_SUM.fullmatch(block[148:156])
    return said is not None and int(said[1], 8) == sum(block[:148] + block[156:BLOCK]) + 256 and len(block) >= BLOCK


def _known(kind: FileKind, what: str = "", header: DumpHeader | None = None) -> Recognised:
    return Recognised(kind, what or WORDS[kind], header)


def _dump(head: bytes) -> Recognised | None:
    if not head.startswith(b"PGDMP"):
        return None
    header = read_header(head)
    if header.form is FormatByte.TAR:
        return _known(FileKind.DIRECTORY_DUMP)
    return _known(FileKind.DUMP if header.form is FormatByte.CUSTOM else FileKind.UNKNOWN, header=header)


def _archive(head: bytes) -> Recognised | None:
    if head.startswith((b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\7\x08", b"PK00")):
        return _known(FileKind.ZIP)
    if is_tar_header(head[:BLOCK]):
        return _known(FileKind.TAR_DUMP if head.startswith(b"toc.dat\0") else FileKind.TAR)
    if len(head) >= 2 * BLOCK and not head[: 2 * BLOCK].strip(b"\0"):
        return _known(FileKind.TAR)
    return None


def _foreign(head: bytes) -> Recognised | None:
    for pattern, what in OTHERS:
        if pattern.match(head):
            return _known(FileKind.OTHER_PRODUCT, what)
    for magic, what in OTHER_ARCHIVES:
        if head.startswith(magic):
            return _known(FileKind.OTHER_ARCHIVE, what)
    return None


def _text(head: bytes) -> Recognised | None:
    text = head.removeprefix(b"\xff\xfe").replace(b"\0", b"") if head.startswith(b"\xff\xfe") else head
    if found := COMMENT_AT_FRONT.match(text):
        return _known(FileKind.DUMPALL if found[2] else FileKind.PLAIN_SQL)
    return _known(FileKind.PLAIN_SQL) if b"\0" not in text and SQL.match(text) else None


def _packed(inner: bytes) -> Recognised:
    recognised = recognise_head(inner) if inner[:2] != b"\x1f\x8b" else _known(FileKind.GZIP)
    if recognised.kind is FileKind.TAR:
        return _known(FileKind.TAR_GZ)
    if recognised.kind is FileKind.DUMP:
        return _known(FileKind.GZIP_OF_DUMP, header=recognised.header)
    if recognised.kind in (FileKind.UNKNOWN, FileKind.EMPTY, FileKind.ZIP, FileKind.GZIP):
        return _known(FileKind.GZIP)
    return _known(recognised.kind, f"{recognised.what}, packed with gzip")


def _unpack_head(head: bytes) -> bytes:
    """What can be unpacked of it; fed in small pieces, because an error takes what the same piece brought."""
    engine, inner = zlib.decompressobj(zlib.MAX_WBITS | 16), b""
    with suppress(zlib.error):
        for at in range(0, len(head), PIECE):
            inner += engine.decompress(head[at : at + PIECE], HEAD)
    return inner[:HEAD]
