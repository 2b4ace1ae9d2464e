"""The manifest: what a backup holds, as lines of JSON that are written and read with flat memory.

Every line is one zstd frame, so that one line can be read alone; `zstd -dc` shows all of them. The last sixteen bytes
are a skippable frame that tells where the end line begins.
"""

import json
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from backports.zstd import CompressionParameter, ZstdCompressor, ZstdDecompressor, ZstdError

from ..errors import ManifestNotReadable, StoredDiffers
from .columns import FileColumns, FileRecord, FolderColumns, FolderRecord
from .stored import Stored, StoredStream, Tick, no_tick
from .vault import Vault

FORMAT = "portal-manifest/1"
ROWS = 1000
LONGEST_PATHS = 1 << 20
READ = 128 << 10
TAIL = struct.Struct("<IIQ")
SKIPPABLE = 0x184D2A50


class Sums(Protocol):
    """Whoever computes along with the rows of a manifest, in its order (the archives' lengths)."""

    def add_files(self, columns: FileColumns, /) -> None: ...

    def add_folders(self, columns: FolderColumns, /) -> None: ...


class ManifestWriter:
    """Writes a manifest through a vault stream of its own: rows, then `close_rows`, then `finish`.

    `header` becomes the first line. Left without `finish`, nothing stays.
    """

    def __init__(self, vault: Vault, name: str, header: Mapping[str, Any], *, level: int = 1) -> None:
        self.sums: Sums | None = None
        # With a checksum in every frame, so that no flipped bit reads as something else.
        options: dict[int, int] = {CompressionParameter.compression_level: level, CompressionParameter.checksum_flag: 1}
        self._compressor = ZstdCompressor(options=options)
        self._files, self._folders = FileColumns(), FolderColumns()
        self._digests: list[str] = []
        self._path_bytes = 0
        self._numbers: dict[str, int] = {}
        self._fresh_packs: list[str] = []
        self._stream = StoredStream(vault, name, has_crc=False)
        # The file system's clock decides what is young, so this is never the turned clock of a demo.
        try:
            self._line({"format": FORMAT, "walk_started_at_ns": time.time_ns(), **header})
        except BaseException:
            self.abort()
            raise

    @property
    def packs(self) -> list[str]:
        """Names of all packs that rows refer to; a row's `pack` is an index in it."""
        return list(self._numbers)

    def number_of(self, pack: str) -> int:
        """The number by which rows refer to a pack."""
        number = self._numbers.get(pack)
        if number is None:
            number = self._numbers[pack] = len(self._numbers)
            self._fresh_packs.append(pack)
        return number

    def add_file(self, record: FileRecord) -> None:
        """Add a row; its pack is a number from `number_of`."""
        self._files.add(record)
        self._digests.append(record.sha256)
        self._path_bytes += len(record.path)
        self._write_full()

    def add_files(self, columns: FileColumns, start: int, stop: int, numbers: Mapping[int, int]) -> None:
        """Add rows of another manifest whole; `numbers` maps its pack numbers to ours."""
        while start < stop:
            end = min(stop, start + ROWS - len(self._files))
            self._files.add_rows(columns, start, end, numbers)
            self._digests.append(columns.sha256[64 * start : 64 * end])
            start = end
            self._write_full()

    def add_folder(self, record: FolderRecord) -> None:
        self._folders.add(record)
        if len(self._folders) >= ROWS:
            self._write_folders()

    def close_rows(self) -> None:
        """Write what is left of the rows; afterwards `sums` has seen all of them."""
        self._write_files()
        self._write_folders()

    def finish(self, end: Mapping[str, Any], tick: Tick = no_tick) -> Stored:
        """Write the end line and give the manifest its name. Raises: VaultUnreachable, StoredAlready."""
        self.close_rows()
        place = self._stream.size
        self._line({"end": end})
        self._stream.write(TAIL.pack(SKIPPABLE, 8, place))
        return self._stream.commit(tick)

    def abort(self) -> None:
        self._stream.abort()

    def __enter__(self) -> "ManifestWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()

    def _write_full(self) -> None:
        if len(self._files.path) >= ROWS or self._path_bytes > LONGEST_PATHS:
            self._write_files()

    def _write_files(self) -> None:
        files, self._files = self._files, FileColumns()
        files.sha256 = "".join(self._digests)
        self._digests, self._path_bytes = [], 0
        if not len(files):
            return
        files.close()
        if self._fresh_packs:
            first = len(self._numbers) - len(self._fresh_packs)
            self._line({"packs": {"first": first, "names": self._fresh_packs}})
            self._fresh_packs = []
        self._line({"files": files.as_dict()})
        if self.sums is not None:
            self.sums.add_files(files)

    def _write_folders(self) -> None:
        folders, self._folders = self._folders, FolderColumns()
        if not len(folders):
            return
        self._line({"folders": folders.as_dict()})
        if self.sums is not None:
            self.sums.add_folders(folders)

    def _line(self, content: Mapping[str, Any]) -> None:
        line = json.dumps(content, separators=(",", ":")).encode("ascii") + b"\n"
        self._stream.write(self._compressor.compress(line, ZstdCompressor.FLUSH_FRAME))


class Line(NamedTuple):
    """One line: what it is ("files", "folders", "packs", "end", or "format" for the header), and where it begins."""

    kind: str
    place: int
    text: bytes


class ManifestReader:
    """Reads a manifest from the vault. Every iteration streams it anew; nothing but one line is held.

    Everything raises ManifestNotReadable when the manifest is missing, cut, damaged or of another form.
    """

    def __init__(self, vault: Vault, name: str) -> None:
        self.name = name
        self._vault = vault
        self._packs: list[str] = []

    @cached_property
    def header(self) -> dict[str, Any]:
        with Reading():
            header = json.loads(next(self._lines(0)).text)
            if header.get("format") != FORMAT:
                raise ValueError(f"its form is {header.get('format')}")
            return dict(header)

    @cached_property
    def end(self) -> dict[str, Any]:
        """What the last line says, read without what lies before it."""
        with Reading():
            size = self._vault.size(self.name)
            tail = b"".join(self._vault.stream(self.name, max(0, size - TAIL.size)))
            magic, length, place = TAIL.unpack(tail)
            if (magic, length) != (SKIPPABLE, 8) or place >= size:
                raise ValueError("its end is missing")
            return dict(json.loads(next(self._lines(place)).text)["end"])

    def pack_name(self, number: int) -> str:
        """The name of the pack that rows met so far call `number`."""
        return self._packs[number]

    def columns(self) -> Iterator[FileColumns | FolderColumns]:
        """All rows in their order, as light columns of a line each."""
        return (columns for _, columns in self.places())

    def places(self) -> Iterator[tuple[int, FileColumns | FolderColumns]]:
        """The same, each with where its line begins; `columns_at` reads it again from there."""
        _ = self.header
        with Reading():
            kind = ""
            for kind, place, text in self._lines(0):
                if kind == "packs":
                    self._learn(json.loads(text)["packs"])
                elif kind in COLUMNS:
                    yield place, COLUMNS[kind](json.loads(text)[kind])
            if kind != "end":
                raise ValueError("it is cut")

    def columns_at(self, place: int) -> FileColumns | FolderColumns:
        with Reading():
            kind, _, text = next(self._lines(place))
            return COLUMNS[kind](json.loads(text)[kind])

    def file_columns(self) -> Iterator[FileColumns]:
        return (columns for columns in self.columns() if isinstance(columns, FileColumns))

    def folder_columns(self) -> Iterator[FolderColumns]:
        return (columns for columns in self.columns() if isinstance(columns, FolderColumns))

    def files(self) -> Iterator[FileRecord]:
        for columns in self.file_columns():
            yield from columns.records()

    def folders(self) -> Iterator[FolderRecord]:
        for columns in self.folder_columns():
            yield from columns.records()

    def _learn(self, packs: dict[str, Any]) -> None:
        first, names = packs["first"], packs["names"]
        self._packs[first : first + len(names)] = names

    def _lines(self, place: int) -> Iterator[Line]:
        """The lines from `place` on, which is where one begins."""
        decompressor, parts, at = ZstdDecompressor(), [], place
        for block in self._vault.stream(self.name, place, block=READ):
            while block:
                parts.append(decompressor.decompress(block))
                rest = decompressor.unused_data if decompressor.eof else b""
                at += len(block) - len(rest)
                block = rest
                if decompressor.eof:
                    if text := b"".join(parts):
                        yield Line(text[2 : text.index(b'"', 2)].decode(), place, text)
                    decompressor, parts, place = ZstdDecompressor(), [], at
        if at != place:
            raise ValueError("it is cut")


COLUMNS: dict[str, Callable[[dict[str, Any]], FileColumns | FolderColumns]] = {
    "files": FileColumns.of,
    "folders": FolderColumns.of,
}


class Reading:
    """Turns everything that damaged bytes can cause into ManifestNotReadable."""

    CAUSES = (
        ZstdError,
        EOFError,
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        StopIteration,
        struct.error,
        StoredDiffers,
    )

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, self.CAUSES):
            raise ManifestNotReadable(
                f"The list of what this backup holds cannot be read ({error}). Nothing was changed. "
                "Choose another backup, and look at the vault's disk."
            ) from error
