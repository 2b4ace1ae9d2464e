"""Archives beyond 4 GiB and beyond 65,535 entries: their structure is looked at without moving 4 GiB."""

import io
import subprocess
import zipfile
import zlib
from pathlib import Path

import pytest

from backups.storage import names
from backups.storage.archive import Archive, ArchiveSums
from backups.storage.columns import FRAME, FileRecord, FolderRecord
from backups.storage.manifest import ManifestReader, ManifestWriter
from backups.storage.stored import Stored
from backups.storage.vault import DirectoryVault

from ..taken import PLACE, Taken

GIB = 1 << 30
SMALL = b"what lies behind it\n"
LISTERS = [["unzip", "-l"], ["zipinfo", "-1"], ["7z", "l"], ["bsdtar", "-tf"]]


class Readable(io.RawIOBase):
    """An archive as a file that is made where it is read."""

    def __init__(self, archive: Archive) -> None:
        self._archive, self._at = archive, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = (0, self._at, self._archive.length)[whence] + offset
        return self._at

    def readinto(self, into: memoryview) -> int:  # type: ignore[override]
        content = b"".join(self._archive.stream(self._at, min(self._at + len(into), self._archive.length)))
        into[: len(content)] = content
        self._at += len(content)
        return len(content)


class Sparse:
    """A vault whose large objects are nothing but zeros that take no room."""

    def __init__(self, folder: Path) -> None:
        self.vault = DirectoryVault(location=folder)
        self.vault.settle()

    def zeros(self, name: str, size: int) -> Stored:
        with self.vault.create(name) as writer:
            writer.commit()
        with open(self.vault.path(name), "r+b") as file:
            file.truncate(size)
        return Stored(name, size, "00" * 32, 0)

    def taken(self, files: list[FileRecord], folders: list[FolderRecord], packs: list[Stored], dump: Stored) -> Taken:
        sums = ArchiveSums()
        with ManifestWriter(self.vault, names.manifest(*PLACE), {}) as manifest:
            manifest.sums = sums
            for pack in packs:
                manifest.number_of(pack.name)
            for file in files:
                manifest.add_file(file)
            for folder in folders:
                manifest.add_folder(folder)
            manifest.close_rows()
            stored_dump = {"name": dump.name, "bytes": dump.size, "sha256": dump.sha256, "crc32": dump.crc32}
            kept = manifest.finish({"dump": stored_dump, "archives": sums.end(dump), "packs": packs})
        return Taken(self.vault, ManifestReader(self.vault, kept.name), kept, dump, (len(files), 0))


def record(path: str, size: int, pack: int = 0, offset: int = 0, crc32: int = 0) -> FileRecord:
    lengths = [min(FRAME, size - at) for at in range(0, size, FRAME)]
    frames = lengths if len(lengths) > 1 else sum(lengths)
    return FileRecord(path, 0o640, 0, 0, 0, 0, 1, size, "ab" * 32, crc32, pack if size else -1, offset, frames)


@pytest.fixture
def sparse(tmp_path: Path) -> Sparse:
    return Sparse(tmp_path / "vault")


def large(sparse: Sparse, dump_bytes: int, edge: int = 0xFFFFFFFF) -> Taken:
    """A file of 5 GiB and some behind it."""
    packs_folder = names.packs_folder(PLACE[0])
    huge = sparse.zeros(f"{packs_folder}/huge", 5 * GIB)
    with sparse.vault.create(f"{packs_folder}/small") as writer:
        writer.write(SMALL)
        writer.commit()
    small = Stored(f"{packs_folder}/small", len(SMALL), "")
    files = [
        record("a-huge", 5 * GIB),
        record("just-below", 0xFFFFFFFE),
        record("just-there", edge),
        record("z-behind", len(SMALL), 1, 0, zlib.crc32(SMALL)),
    ]
    folders = [FolderRecord("zz-empty", 0o755, 0, 0, 0, True)]
    return sparse.taken(files, folders, [huge, small], sparse.zeros(names.dump(*PLACE), dump_bytes))


@pytest.mark.parametrize("dump_bytes", [1000, 0xFFFFFFFF, 6 * GIB])
def test_sizes_and_places_beyond_4_gib_are_told(sparse: Sparse, dump_bytes: int) -> None:
    archive = large(sparse, dump_bytes).archive()
    sizes = {
        "db/db.backup": dump_bytes,
        "tree/a-huge": 5 * GIB,
        "tree/just-below": 0xFFFFFFFE,
        "tree/just-there": 0xFFFFFFFF,
        "tree/z-behind": len(SMALL),
        "tree/zz-empty/": 0,
    }

    with zipfile.ZipFile(Readable(archive)) as found:
        assert {name: found.getinfo(name).file_size for name in sizes} == sizes
        assert found.read("tree/z-behind") == SMALL
        assert found.read("NAMES.json") == b"{}"
        assert found.read("SHA256SUMS").decode().splitlines()[3] == f"{'ab' * 32}  tree/z-behind"
        with found.open("tree/a-huge") as huge:
            assert huge.read(100) == bytes(100)


def test_public_tools_read_what_lies_behind_4_gib(sparse: Sparse, tmp_path: Path) -> None:
    # With a size of exactly 2**32 - 1 unzip 6 misreads the entry behind it, whoever wrote the zip.
    archive = large(sparse, 6 * GIB, edge=4 * GIB).archive()
    path = tmp_path / "large.zip"
    written_with_holes(archive, path)

    for lister in LISTERS:
        listed = subprocess.run([*lister, str(path)], check=True, capture_output=True, text=True).stdout
        assert "z-behind" in listed and "just-there" in listed
    for reader in (["unzip", "-p"], ["bsdtar", "-xOf"], ["7z", "x", "-so"]):
        read = subprocess.run([*reader, str(path), "tree/z-behind"], check=True, capture_output=True)
        assert read.stdout == SMALL


def written_with_holes(archive: Archive, path: Path) -> None:
    """The archive as a file; of large contents only the first bytes are written."""
    with zipfile.ZipFile(Readable(archive)) as found, open(path, "wb") as file:
        file.truncate(archive.length)
        for entry in found.infolist():
            _copy(archive, file, entry.header_offset, entry.header_offset + 4096)
        _copy(archive, file, found.start_dir - 4096, archive.length)


def _copy(archive: Archive, file: io.BufferedWriter, start: int, stop: int) -> None:
    file.seek(start)
    for piece in archive.stream(start, min(stop, archive.length)):
        file.write(piece)


def test_more_entries_than_two_bytes_can_count(sparse: Sparse, tmp_path: Path) -> None:
    files = [record(f"{number:06}", 0) for number in range(70_000)]
    archive = sparse.taken(files, [], [], sparse.zeros(names.dump(*PLACE), 10)).archive()
    (tmp_path / "many.zip").write_bytes(b"".join(archive.stream()))

    with zipfile.ZipFile(tmp_path / "many.zip") as found:
        assert len(found.namelist()) == 70_005
        assert found.getinfo("tree/069999").header_offset < 1 << 32
    listed = subprocess.run(["zipinfo", "-1", str(tmp_path / "many.zip")], check=True, capture_output=True, text=True)
    assert len(listed.stdout.splitlines()) == 70_005
    tested = subprocess.run(["7z", "l", str(tmp_path / "many.zip")], check=True, capture_output=True, text=True)
    assert "70005 files" in tested.stdout


@pytest.mark.parametrize("count", [65_529, 65_530, 65_531])
def test_the_edge_of_what_two_bytes_can_count(sparse: Sparse, count: int) -> None:
    files = [record(f"{number:05}", 0) for number in range(count)]
    archive = sparse.taken(files, [], [], sparse.zeros(names.dump(*PLACE), 10)).archive()

    end = b"".join(archive.stream(archive.length - 98, archive.length))
    is_wide = b"PK\6\6" in end
    assert is_wide == (count + 5 >= 0xFFFF)
    with zipfile.ZipFile(Readable(archive)) as found:
        assert len(found.filelist) == count + 5


def test_a_tar_tells_a_member_of_8_gib(sparse: Sparse) -> None:
    dump = sparse.zeros(names.dump(*PLACE), 9 * GIB)
    archive = sparse.taken([record("behind", 0)], [], [], dump).archive(is_tar=True)

    stream = archive.stream()
    first = b"".join(next(stream) for _ in range(2))

    header = first[15 : 15 + 512]  # behind the head of gzip and that of its first block
    assert header.startswith(b"db/db.backup\0")
    assert int.from_bytes(header[125:136], "big") == 9 * GIB
    assert archive.length > 9 * GIB
