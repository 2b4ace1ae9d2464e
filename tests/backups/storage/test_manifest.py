"""Manifests: what is written reads back the same, in flat memory, and damage is noticed."""

import json
import time
import tracemalloc
from collections.abc import Iterable, Iterator

import pytest
from backports import zstd

from backups.errors import ManifestNotReadable
from backups.storage.columns import FILE_COLUMNS, FILE_LISTS, FileColumns, FileRecord, FolderColumns, FolderRecord
from backups.storage.manifest import ManifestReader, ManifestWriter
from backups.storage.stored import Stored
from backups.storage.vault import Vault

from .trip import everything

NAME = "environments/e/backups/b.1/manifest.zst"
END = {"packs": [["packs/0", 5, "ab"]], "files_count": 3}
MIB = 1 << 20


def record(number: int, path: str = "", **changes: object) -> FileRecord:
    made = FileRecord(
        path=path or f"folder {number // 500:05}/picture {number:07}.jpg",
        mode=0o640,
        uid=1000,
        gid=1001,
        mtime_ns=1_700_000_000_123_456_789 + number,
        ctime_ns=1_700_000_001_123_456_789 + number,
        inode=(1 << 63) + number,
        size=4000 + number,
        sha256=f"{number:064x}",
        crc32=number * 7919 % (1 << 32),
        pack=number // 400,
        offset=number * 4000,
        frames=3000 + number % 50,
    )
    return made._replace(**changes)  # type: ignore[arg-type]


def write(vault: Vault, records: Iterator[FileRecord] | list[FileRecord], folders: int = 0) -> Stored:
    with ManifestWriter(vault, NAME, {"backup": "b", "attempt": 1}) as manifest:
        for one in records:
            pack = manifest.number_of(f"packs/{one.pack}") if one.pack >= 0 else -1
            manifest.add_file(one._replace(pack=pack))
        for number in range(folders):
            manifest.add_folder(FolderRecord(f"folder {number}", 0o750, 1, 2, number, number % 2 == 0))
        return manifest.finish(END)


def columns_of(records: Iterable[FileRecord]) -> FileColumns:
    *lists, sha256 = (list(one) for one in zip(*(row[:8] + row[9:13] + (row[8],) for row in records), strict=True))
    return FileColumns.of({**dict(zip(FILE_LISTS, lists, strict=True)), "sha256": "".join(sha256)})


def test_rows_read_back_as_they_were_written(vault: Vault) -> None:
    records = [record(number) for number in range(2500)]
    write(vault, records, folders=1500)
    reader = ManifestReader(vault, NAME)
    assert list(reader.files()) == records
    assert reader.pack_name(3) == "packs/3"
    folders = list(reader.folders())
    assert len(folders) == 1500
    assert folders[7] == FolderRecord("folder 7", 0o750, 1, 2, 7, False)


def test_header_and_end_are_read_without_the_rows(vault: Vault) -> None:
    before = time.time_ns()
    write(vault, [record(1)])
    reader = ManifestReader(vault, NAME)
    assert reader.header["format"] == "portal-manifest/1"
    assert reader.header["backup"] == "b"
    assert before <= reader.header["walk_started_at_ns"] <= time.time_ns()
    assert reader.end == END


def test_an_empty_manifest_is_one(vault: Vault) -> None:
    write(vault, [])
    reader = ManifestReader(vault, NAME)
    assert list(reader.columns()) == []
    assert reader.end == END


def test_size_and_sum_are_those_of_the_stored_bytes(vault: Vault) -> None:
    stored = write(vault, [record(1)])
    assert stored.size == vault.size(NAME)
    assert len(stored.sha256) == 64


def test_lines_have_no_more_than_a_thousand_rows(vault: Vault) -> None:
    write(vault, [record(number) for number in range(2500)])
    assert [len(columns) for columns in ManifestReader(vault, NAME).file_columns()] == [1000, 1000, 500]


def test_very_long_names_make_shorter_lines(vault: Vault) -> None:
    write(vault, [record(number, path=f"{number}" * 4000) for number in range(600)])
    assert max(len(columns) for columns in ManifestReader(vault, NAME).file_columns()) < 400


@pytest.mark.parametrize("path", ["a\nb", "\udcff\udc80", "ä/ö", "a\\b", "-rf", " ", "x" * 250, '"', "🙂", "e\u0301"])
def test_odd_names_read_back_as_they_are(vault: Vault, path: str) -> None:
    write(vault, [record(1, path=path)])
    assert next(ManifestReader(vault, NAME).files()).path == path


@pytest.mark.parametrize("frames", [0, 5, [8 << 20, 77]])
def test_frames_are_a_number_or_a_list(vault: Vault, frames: int | list[int]) -> None:
    write(vault, [record(1, frames=frames)])
    found = next(ManifestReader(vault, NAME).files())
    assert found.frames == frames
    assert found.stored_lengths == ([frames] if isinstance(frames, int) and frames else frames or [])


def test_any_zstd_reader_shows_the_lines(vault: Vault) -> None:
    write(vault, [record(1, path="\udcff")], folders=1)
    shown = zstd.decompress(b"".join(vault.stream(NAME)))
    lines = [json.loads(line) for line in shown.decode("ascii").splitlines()]
    assert [next(iter(line)) for line in lines] == ["format", "packs", "files", "folders", "end"]
    assert lines[1] == {"packs": {"first": 0, "names": ["packs/0"]}}
    assert set(lines[2]["files"]) == set(FILE_COLUMNS)


def test_rows_of_another_manifest_are_taken_over_with_other_pack_numbers(vault: Vault) -> None:
    columns = columns_of(record(number, pack=number % 3) for number in range(1700))
    with ManifestWriter(vault, NAME, {}) as manifest:
        manifest.add_file(record(9999, pack=manifest.number_of("own")))
        manifest.add_files(columns, 5, 1605, {0: 7, 1: 8, 2: 9})
        manifest.finish(END)
    found = list(ManifestReader(vault, NAME).files())
    assert found[1:] == [record(number, pack=7 + number % 3) for number in range(5, 1605)]


def test_whoever_computes_along_sees_every_row_before_the_end(vault: Vault) -> None:
    class Seen:
        def __init__(self) -> None:
            self.files: list[str] = []
            self.folders: list[str] = []

        def add_files(self, columns: FileColumns) -> None:
            self.files += columns.path

        def add_folders(self, columns: FolderColumns) -> None:
            self.folders += columns.path

    seen = Seen()
    with ManifestWriter(vault, NAME, {}) as manifest:
        manifest.sums = seen
        for number in range(1001):
            manifest.add_file(record(number))
            manifest.add_folder(FolderRecord(str(number), 0, 0, 0, 0, False))
        manifest.close_rows()
        assert seen.files == [record(number).path for number in range(1001)]
        assert seen.folders == [str(number) for number in range(1001)]
        manifest.finish(END)


def test_one_line_can_be_read_alone(vault: Vault) -> None:
    write(vault, [record(number) for number in range(3000)], folders=5)
    reader = ManifestReader(vault, NAME)
    for place, columns in list(reader.places()):
        assert reader.columns_at(place) == columns


def test_left_without_finish_nothing_stays(vault: Vault) -> None:
    with pytest.raises(ZeroDivisionError), ManifestWriter(vault, NAME, {}) as manifest:
        manifest.add_file(record(1))
        raise ZeroDivisionError
    assert everything(vault) == set()


def test_memory_stays_flat_for_a_hundred_thousand_files(vault: Vault) -> None:
    tracemalloc.start()
    try:
        with ManifestWriter(vault, NAME, {}) as manifest:
            for number in range(10_000):
                manifest.add_file(record(number, pack=-1))
            thousand = columns_of(record(number, pack=0) for number in range(1000))
            for _ in range(90):
                manifest.add_files(thousand, 0, 1000, {0: manifest.number_of("packs/0")})
            manifest.finish(END)
        assert tracemalloc.get_traced_memory()[1] < 6 * MIB
        tracemalloc.reset_peak()
        assert sum(len(columns) for columns in ManifestReader(vault, NAME).file_columns()) == 100_000
        assert tracemalloc.get_traced_memory()[1] < 6 * MIB
    finally:
        tracemalloc.stop()


class TestDamage:
    def put(self, vault: Vault, content: bytes) -> ManifestReader:
        vault.delete(NAME)
        with vault.create(NAME) as writer:
            writer.write(content)
            writer.commit()
        return ManifestReader(vault, NAME)

    def test_a_missing_manifest_cannot_be_read(self, vault: Vault) -> None:
        reader = ManifestReader(vault, NAME)
        for read in (lambda: reader.header, lambda: reader.end, lambda: list(reader.files())):
            with pytest.raises(ManifestNotReadable, match="is missing"):
                read()

    def test_a_manifest_cut_anywhere_is_noticed(self, vault: Vault) -> None:
        write(vault, [record(number) for number in range(1200)], folders=3)
        whole = b"".join(vault.stream(NAME))
        for length in (0, 1, 10, len(whole) // 3, len(whole) // 2, len(whole) - 17, len(whole) - 1):
            reader = self.put(vault, whole[:length])
            with pytest.raises(ManifestNotReadable):
                _ = reader.end
            if length < len(whole) - 20:
                with pytest.raises(ManifestNotReadable):
                    list(reader.files())

    def test_other_bytes_are_no_manifest(self, vault: Vault) -> None:
        reader = self.put(vault, b"something else entirely, and long enough")
        with pytest.raises(ManifestNotReadable):
            _ = reader.header
        with pytest.raises(ManifestNotReadable):
            _ = reader.end

    def test_a_manifest_of_a_later_form_is_refused(self, vault: Vault) -> None:
        with ManifestWriter(vault, NAME, {"format": "portal-manifest/2"}) as manifest:
            manifest.finish(END)
        with pytest.raises(ManifestNotReadable, match="portal-manifest/2"):
            list(ManifestReader(vault, NAME).files())

    def test_columns_that_do_not_fit_each_other_are_refused(self, vault: Vault) -> None:
        write(vault, [record(1), record(2)])
        columns = next(ManifestReader(vault, NAME).file_columns())
        for name in ("size", "sha256", "frames"):
            broken = columns.as_dict() | {name: getattr(columns, name)[:-1]}
            with pytest.raises(ValueError, match="different lengths"):
                FileColumns.of(broken)
        with pytest.raises(ValueError, match="different lengths"):
            FolderColumns.of(FolderColumns(path=["a"]).as_dict())
