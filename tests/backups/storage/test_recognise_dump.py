"""A dump's first bytes tell who made it and who can read it."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from backups.errors import UploadRefused
from backups.storage.recognise import FileKind, recognise, recognise_head, require_dump
from backups.storage.recognise_dump import FormatByte, newest_read_by, read_header
from environments.addresses import DatabaseAddress
from portal.demo.postgres import server_programs

from .samples import DUMP


def _text(text: str) -> bytes:
    return b"\0" + len(text).to_bytes(4, "little") + text.encode()


def _header(minor: int, packing: bytes, client: str = "17.10 (Debian 17.10-1)") -> bytes:
    moment = b"\0\1\0\0\0" * 7
    return (
        b"PGDMP\1" + bytes([minor, 0]) + b"\4\x08\1" + packing + moment + _text("shop") + _text("15.18") + _text(client)
    )


LEVELS = {b"\0\0\0\0\0": "none", b"\0\1\0\0\0": "gzip", b"\1\1\0\0\0": "gzip"}  # minus one is the default
METHODS = {b"\0": "none", b"\1": "gzip", b"\2": "lz4", b"\3": "zstd", b"\x09": "unknown"}


@pytest.mark.parametrize(("packing", "method"), LEVELS.items())
def test_an_older_header_holds_a_level(packing: bytes, method: str) -> None:
    header = read_header(_header(14, packing))
    assert (header.version, header.compression, header.needs_client) == ((1, 14, 0), method, 12)
    assert (header.database, header.server, header.client) == ("shop", "15.18", "17.10 (Debian 17.10-1)")


@pytest.mark.parametrize(("packing", "method"), METHODS.items())
@pytest.mark.parametrize(("minor", "needs"), [(15, 16), (16, 17), (17, None)])
def test_a_newer_header_holds_a_method(packing: bytes, method: str, minor: int, needs: int | None) -> None:
    header = read_header(_header(minor, packing))
    assert (header.version, header.compression, header.needs_client) == ((1, minor, 0), method, needs)
    assert header.server == "15.18"


@pytest.mark.parametrize("major", [14, 15, 16, 17, 18])
def test_a_client_reads_what_it_can(major: int) -> None:
    recognised = recognise_head(_header(16, b"\1"))
    if major >= 17:
        assert require_dump(recognised, newest=newest_read_by(major)).version == (1, 16, 0)
        return
    with pytest.raises(UploadRefused) as caught:
        require_dump(recognised, newest=newest_read_by(major))
    assert caught.value.code == "dump-too-new"
    assert f"made by PostgreSQL 17; this portal can read up to {max(15, major)}. Nothing was changed." in str(
        caught.value
    )


def test_an_unknown_maker_is_named_by_its_archive() -> None:
    with pytest.raises(UploadRefused, match=r"a newer PostgreSQL \(archive 1\.17\); this portal can read up to 18"):
        require_dump(recognise_head(_header(17, b"\1", client="devel")), newest=newest_read_by(18))


def test_a_packing_that_the_client_was_not_built_with_is_named() -> None:
    with pytest.raises(UploadRefused, match="packed with zstd") as caught:
        require_dump(recognise_head(_header(16, b"\3")), compressions=("none", "gzip"))
    assert caught.value.code == "dump-compression"


@pytest.mark.parametrize("length", range(5, 70))
def test_a_cut_header_is_damaged_and_never_an_accident(length: int) -> None:
    recognised = recognise_head(_header(16, b"\1")[:length])
    assert recognised.kind in (FileKind.DUMP, FileKind.UNKNOWN)
    with pytest.raises(UploadRefused) as caught:
        require_dump(recognised)
    assert caught.value.code == ("dump-damaged" if recognised.kind is FileKind.DUMP else "not-a-dump")


@pytest.mark.parametrize("at", range(8, 60))
def test_an_odd_header_is_never_an_accident(at: int) -> None:
    for value in (0, 1, 3, 5, 0x7F, 0x80, 0xFF):
        head = bytearray(_header(16, b"\1"))
        head[at] = value
        assert recognise_head(bytes(head)).what


@pytest.mark.parametrize(
    ("form", "kind"), {"c": FileKind.DUMP, "t": FileKind.TAR_DUMP, "p": FileKind.PLAIN_SQL}.items()
)
def test_real_dumps_are_known(
    form: str, kind: FileKind, make_database: Callable[..., DatabaseAddress], tmp_path: Path
) -> None:
    address = make_database("CREATE TABLE t AS SELECT generate_series(1, 1000) AS i")
    _dump(address, f"-F{form}", tmp_path / "dump")

    with (tmp_path / "dump").open("rb") as file:
        recognised = recognise(file)

    assert recognised.kind is kind
    if recognised.header:
        assert recognised.header.database == address.name
        assert recognised.header.needs_client
        assert recognised.header.needs_client <= int(recognised.header.client.split(".")[0])


def test_a_real_dump_in_a_directory_is_known(make_database: Callable[..., DatabaseAddress], tmp_path: Path) -> None:
    _dump(make_database(), "-Fd", tmp_path / "dump")

    with (tmp_path / "dump" / "toc.dat").open("rb") as file:
        assert recognise(file).kind is FileKind.DIRECTORY_DUMP


def _dump(address: DatabaseAddress, form: str, output: Path) -> None:
    command = [f"{server_programs()}/pg_dump", "--no-password", form, f"--file={output}", address.to_url()]
    subprocess.run(command, check=True, env={"PGPASSWORD": address.password})


def test_the_sample_is_a_dump() -> None:
    assert read_header(DUMP).form is FormatByte.CUSTOM
