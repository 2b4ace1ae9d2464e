"""What a file is, is told by its content; whatever is not taken gets the command that makes what is."""

import gzip
import io
import tarfile
import zipfile
import zlib

import pytest

from backups.errors import UploadRefused
from backups.storage.recognise import (
    MAKE_A_DUMP,
    MAKE_AN_ARCHIVE,
    FileKind,
    recognise,
    recognise_head,
    require_archive,
    require_dump,
)

from . import tars, zips
from .samples import DUMP
from .unpacking import opened

SQL = b"--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\n-- Dumped from database version 17.10\nSET x = 0;\n"
DUMPALL = SQL.replace(b"database dump", b"database cluster dump")
DIRECTORY = DUMP.replace(b"\x08\1", b"\x08\3", 1)
TAR, ZIP = tars.file() + tars.END, zips.make_zip(zips.Entry())
MYSQL = b"-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n"
MARIADB = b"/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19\n"

KINDS: dict[FileKind, list[bytes]] = {
    FileKind.DUMP: [DUMP],
    FileKind.ZIP: [ZIP, zips.make_zip(), zips.make_zip(wide={})],
    FileKind.TAR: [TAR, tars.END, tars.long_name(b"x" * 200) + TAR, tars.file(magic=b"") + tars.END],
    FileKind.TAR_GZ: [gzip.compress(TAR), gzip.compress(tars.END), tars.gzip(TAR, crc=1), gzip.compress(TAR)[:-9]],
    FileKind.GZIP_OF_DUMP: [gzip.compress(DUMP), gzip.compress(DUMP + bytes(9_000))[:400]],
    FileKind.GZIP: [
        gzip.compress(b"hello"),
        gzip.compress(b""),
        gzip.compress(ZIP),
        gzip.compress(gzip.compress(TAR)),
        b"\x1f\x8b",
    ],
    FileKind.PLAIN_SQL: [
        SQL,
        SQL[:40],
        gzip.compress(SQL),
        b"\xef\xbb\xbf" + SQL,
        b"\xff\xfe" + SQL.decode().encode("utf-16-le"),
        b"\n\n-- made by hand\n/* twice */\nCREATE TABLE t (i int);",
        b"select 1;",
        b"INSERT INTO t VALUES (1);",
    ],
    FileKind.DUMPALL: [DUMPALL, gzip.compress(DUMPALL)],
    FileKind.DIRECTORY_DUMP: [DIRECTORY, gzip.compress(DIRECTORY)],
    FileKind.TAR_DUMP: [tars.file(b"toc.dat", DIRECTORY) + tars.END, gzip.compress(tars.file(b"toc.dat") + tars.END)],
    FileKind.OTHER_PRODUCT: [
        b"SQLite format 3\0" + bytes(100),
        MYSQL,
        gzip.compress(MARIADB),
        b"\x6d\xe2\x99\x81" + bytes(20),
        b"TAPE\0\0\3\0",
        b"\x03\x00\x01EXPORT:V12.01.00",
    ],
    FileKind.OTHER_ARCHIVE: [
        b"7z\xbc\xaf\x27\x1c\0\4",
        b"Rar!\x1a\x07\1\0",
        b"\xfd7zXZ\0\0\4",
        b"BZh91AY&SY",
        b"\x28\xb5\x2f\xfd\0\0",
        b"\x04\x22\x4d\x18",
    ],
    FileKind.EMPTY: [b""],
    FileKind.UNKNOWN: [
        b"x",
        b"\0",
        bytes(511),
        b"%PDF-1.7",
        b"\x89PNG\r\n\x1a\n",
        b"hello, world",
        b"<html>",
        b"\xff" * 600,
        b"PGDM",
    ],
}
ALL = [(kind, content) for kind, contents in KINDS.items() for content in contents]


@pytest.mark.parametrize(
    ("kind", "content"), ALL, ids=lambda value: value.value if isinstance(value, FileKind) else "file"
)
def test_a_file_is_what_it_holds(kind: FileKind, content: bytes) -> None:
    with opened(content) as file:
        file.seek(1)
        assert recognise(file).kind is kind
        assert file.tell() == 1


def test_every_kind_has_its_example() -> None:
    assert set(KINDS) == set(FileKind)


@pytest.mark.parametrize(
    ("kind", "content"), ALL, ids=lambda value: value.value if isinstance(value, FileKind) else "file"
)
def test_whoever_brings_something_else_is_told_what_to_bring(kind: FileKind, content: bytes) -> None:
    recognised = recognise_head(content[:4096])
    archives = (FileKind.ZIP, FileKind.TAR, FileKind.TAR_GZ)

    if kind is not FileKind.DUMP:
        with pytest.raises(UploadRefused) as caught:
            require_dump(recognised)
        assert caught.value.code == "not-a-dump" and MAKE_A_DUMP in str(caught.value)
    if kind not in archives:
        with pytest.raises(UploadRefused) as caught:
            require_archive(recognised)
        assert caught.value.code in ("not-an-archive", "empty-file") and MAKE_AN_ARCHIVE in str(caught.value)
    assert (MAKE_A_DUMP in recognised.sentence) is (kind not in (*archives, FileKind.DUMP))
    assert recognised.sentence.isprintable()


def test_the_sentence_names_what_was_brought() -> None:
    said = {content: recognise_head(content).what for content in (MYSQL, MARIADB, DUMPALL, gzip.compress(SQL))}

    assert said[MYSQL] == said[MARIADB] == "a dump of MySQL or MariaDB"
    assert "pg_dumpall" in said[DUMPALL]
    assert said[gzip.compress(SQL)] == "a dump in plain SQL, packed with gzip"


def test_names_tell_nothing_and_common_writers_are_known() -> None:
    packed, made = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("dump.backup", DUMP)
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("x"))

    assert recognise_head(packed.getvalue()).kind is FileKind.ZIP
    assert recognise_head(made.getvalue()).kind is FileKind.TAR_GZ
    assert recognise_head(zlib.compress(DUMP)).kind is FileKind.UNKNOWN


def test_comments_without_end_cost_nothing() -> None:
    for head in (b"/*" * 2048, b"/**/" * 1024, b"--\n" * 1365, b" " * 4096, b"/**//*" * 600):
        assert recognise_head(head).kind is FileKind.UNKNOWN
