"""Good archives come out byte for byte, whoever made them."""

import io
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from backups.errors import UploadRefused
from backups.storage.extract import Inspection
from backups.storage.recognise import FileKind

from . import tars, zips
from .unpacking import look, opened, tree, unpack

FILES = {
    "a.txt": b"hello",
    "empty": b"",
    "large.bin": bytes(range(256)) * 4_000,
    "folder/inside.txt": b"inside " * 50,
    "folder/deeper/still deeper/x": b"x",
    "Ünïcödé – 文字/😀.txt": b"smile",
    "l" * 255: b"long",
    "/".join(["p" * 200] * 20): b"long path",
    "/".join(["d"] * 64): b"deep",
}
# Odd elsewhere, and plain names where the portal runs.
ODD_NAMES = ["CON", "aux.txt", "report.", "a ", " a", "-rf", "$(id)", "a;b", "ab:c", "%41", "Care ℅ of", "½", "~", "*"]
FOLDERS = {"folder", "folder/deeper", "folder/deeper/still deeper", "Ünïcödé – 文字"}


class Unseekable(io.RawIOBase):
    """Where a zip's writer cannot go back, it describes sizes behind the content."""

    def __init__(self) -> None:
        self.content = b""

    def writable(self) -> bool:
        return True

    def write(self, block: object, /) -> int:
        self.content += bytes(block)  # type: ignore[call-overload]
        return len(block)  # type: ignore[arg-type]


def _zip(method: int, *, wide: bool = False, streamed: bool = False) -> bytes:
    made: io.BytesIO | Unseekable = Unseekable() if streamed else io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in FILES.items():
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=wide) as file:
                file.write(content)
    return made.content if isinstance(made, Unseekable) else made.getvalue()


def _tar(form: int, mode: str = "w") -> bytes:
    made = io.BytesIO()
    files = {name: content for name, content in FILES.items() if form != tarfile.USTAR_FORMAT or len(name) < 200}
    with tarfile.open(fileobj=made, mode=mode, format=form) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), 1.5
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def _info_zip() -> bytes:
    """As Info-ZIP writes: raw UTF-8 without a flag, times and owners as extras, another one in each header."""
    central, local = b"UT\5\0\3\0\0\0\0ux\x0b\0" + bytes(11), b"UT\x09\0\3" + bytes(8) + b"ux\x0b\0" + bytes(11)
    fields = {"flags": 0, "local": {"extra": local}, "central": {"extra": central, "comment": b"a note"}}
    return zips.make_zip(
        *(zips.Entry(name.encode(), content, **fields) for name, content in FILES.items()),  # type: ignore[arg-type]
        comment=b"made on a Monday",
    )


MAKERS: dict[str, Callable[[], bytes]] = {
    "zip deflated": lambda: _zip(zipfile.ZIP_DEFLATED),
    "zip stored": lambda: _zip(zipfile.ZIP_STORED),
    "zip streamed": lambda: _zip(zipfile.ZIP_DEFLATED, streamed=True),
    "zip streamed and stored": lambda: _zip(zipfile.ZIP_STORED, streamed=True),
    "zip64": lambda: _zip(zipfile.ZIP_DEFLATED, wide=True),
    "zip64 streamed": lambda: _zip(zipfile.ZIP_DEFLATED, wide=True, streamed=True),
    "zip of Info-ZIP": _info_zip,
    "tar ustar": lambda: _tar(tarfile.USTAR_FORMAT),
    "tar gnu": lambda: _tar(tarfile.GNU_FORMAT),
    "tar pax": lambda: _tar(tarfile.PAX_FORMAT),
    "tar.gz gnu": lambda: _tar(tarfile.GNU_FORMAT, "w:gz"),
    "tar.gz pax": lambda: _tar(tarfile.PAX_FORMAT, "w:gz"),
}


@pytest.mark.parametrize("maker", MAKERS)
def test_a_good_archive_comes_out_byte_for_byte(maker: str, tmp_path: Path) -> None:
    seen = unpack(MAKERS[maker](), tmp_path)

    found = tree(tmp_path)
    files = {name: content for name, content in FILES.items() if "ustar" not in maker or len(name) < 200}
    assert {name: content for name, content in found.items() if content is not None} == files
    assert {name for name, content in found.items() if content is None} >= FOLDERS
    assert (seen.files, seen.bytes, seen.root) == (len(files), sum(map(len, files.values())), "")


@pytest.mark.parametrize("maker", MAKERS)
def test_its_inspection_says_what_it_is(maker: str) -> None:
    seen = look(MAKERS[maker]())

    assert seen.entries == seen.files and seen.unpacked_bytes == seen.bytes
    assert seen.kind is FileKind(maker.split()[0].replace("zip64", "zip"))
    assert (seen.dump, seen.has_metadata, seen.folders) == (None, False, 0)
    assert Inspection.from_json(seen.to_json()) == seen


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_that_only_others_would_refuse_stay(name: str, tmp_path: Path) -> None:
    unpack(zips.make_zip(zips.Entry(name.encode(), b"zip")), tmp_path)
    assert tree(tmp_path) == {name: b"zip"}


def test_folders_are_made_even_when_empty(tmp_path: Path) -> None:
    seen = unpack(
        tars.folder(b"./") + tars.folder(b"./a/") + tars.folder(b"a/b/") + tars.file(b"./x") + tars.END, tmp_path
    )

    assert tree(tmp_path) == {"a": None, "a/b": None, "x": b"hello"}
    assert (seen.files, seen.folders) == (1, 2)


def test_a_folder_may_be_deflated(tmp_path: Path) -> None:
    unpack(zips.make_zip(zips.Entry(b"d/", b"", mode=zips.FOLDER), zips.Entry()), tmp_path)
    assert tree(tmp_path)["d"] is None


@pytest.mark.parametrize("mode", [0o6755, 0o0000, 0o7777])
def test_modes_of_the_archive_are_not_taken_over(mode: int, tmp_path: Path) -> None:
    unpack(zips.make_zip(zips.Entry(b"d/a", mode=stat.S_IFREG | mode)), tmp_path)
    unpack(tars.file(b"d2/b", mode=mode) + tars.END, tmp_path)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert modes == {"d": 0o755, "a": 0o644, "d2": 0o755, "b": 0o644}


def test_a_second_name_in_utf_8_is_the_name(tmp_path: Path) -> None:
    name = b"\x84.txt"
    field = zips.extra_field(0x7075, b"\1" + zlib.crc32(name).to_bytes(4, "little") + "ä.txt".encode())
    unpack(zips.make_zip(zips.Entry(name, flags=0, both={"extra": field})), tmp_path)
    assert list(tree(tmp_path)) == ["ä.txt"]


def test_larger_end_blocks_may_say_the_same_twice(tmp_path: Path) -> None:
    unpack(zips.make_zip(zips.Entry(), wide={}), tmp_path)
    assert list(tree(tmp_path)) == ["a.txt"]


def test_gzip_may_hold_a_name_and_a_sum_of_its_header(tmp_path: Path) -> None:
    fields = b"\4\0abcdname.tar\0comment\0"
    header = b"\x1f\x8b\x08\x1e\0\0\0\0\0\xff" + fields
    checksum = (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little")
    unpack(tars.gzip(tars.file() + tars.END, flags=0x1E, fields=fields + checksum), tmp_path)
    assert tree(tmp_path) == {"a.txt": b"hello"}


def test_what_is_left_of_a_piece_is_not_forgotten() -> None:
    """The last bytes may still be in the unpacking when all that is packed has been read."""
    for more in range(0, 600, 7):
        content = bytes((256 << 10) + more)
        assert look(zips.make_zip(zips.Entry(content=content))).bytes == len(content)


def test_more_empty_blocks_at_the_end_are_usual(tmp_path: Path) -> None:
    unpack(tars.file() + tars.END * 10, tmp_path)
    assert tree(tmp_path) == {"a.txt": b"hello"}


@pytest.mark.parametrize("content", [zips.make_zip(), tars.END, tars.gzip(tars.END), tars.folder() + tars.END])
def test_nothing_is_taken_only_when_asked_for(content: bytes) -> None:
    assert look(content, allow_empty=True).files == 0

    with pytest.raises(UploadRefused) as caught:
        look(content)
    assert caught.value.code == "empty"


def test_the_file_is_read_by_its_handle_and_left_as_it_was(tmp_path: Path) -> None:
    content = zips.make_zip(zips.Entry())
    with opened(content) as file:
        file.seek(3)
        first = look(content)
        assert file.tell() == 3
    assert first.packed_bytes == len(content) and len(first.sha256) == 64
