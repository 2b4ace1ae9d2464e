"""Moves: where files lie since their packs were rewritten. Manifests never change; whoever reads a pack looks here.

The newest moves object of an environment holds all moves that still matter, always from a manifest's own place, so
that there is never a chain. Form: lines of JSON, each a zstd frame. The first names the new packs; then comes one line
an old pack, then where each of these lines lies; the last sixteen bytes tell where that one begins, as in a manifest.
"""

import json
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Self
from uuid import UUID

from backports.zstd import CompressionParameter, ZstdCompressor, decompress

from ..errors import StoredMissing
from . import names
from .manifest import SKIPPABLE, TAIL, Reading
from .stored import Stored, StoredStream, Tick, confirm_stored, no_tick, read_back
from .vault import Vault

FORMAT = "portal-moves/1"
HELD_PACKS = 8


class Place(NamedTuple):
    """Where a file's frames begin."""

    pack: str
    offset: int


@dataclass(slots=True)
class MovedFiles:
    """The files of one old pack, by their old offset: stored length, number of the new pack, offset there."""

    offset: "array[int]" = field(default_factory=lambda: array("Q"))
    length: "array[int]" = field(default_factory=lambda: array("Q"))
    to: "array[int]" = field(default_factory=lambda: array("Q"))
    at: "array[int]" = field(default_factory=lambda: array("Q"))

    def __len__(self) -> int:
        return len(self.offset)

    def add(self, offset: int, length: int, to: int, at: int) -> None:
        self.offset.append(offset)
        self.length.append(length)
        self.to.append(to)
        self.at.append(at)

    def rows(self) -> Iterator[tuple[int, int, int, int]]:
        return zip(self.offset, self.length, self.to, self.at, strict=True)

    def sorted(self) -> "MovedFiles":
        files = MovedFiles()
        for row in sorted(self.rows()):
            files.add(*row)
        return files

    @classmethod
    def of(cls, found: Mapping[str, list[int]]) -> Self:
        """Raises: KeyError, TypeError, ValueError when the columns do not fit each other."""
        files = cls(*(array("Q", found[name]) for name in cls.__slots__))
        if len({len(column) for column in (files.offset, files.length, files.to, files.at)}) > 1:
            raise ValueError("columns of different lengths")
        return files


class Moves:
    """One moves object, read as it is needed: a few old packs are held at a time.

    Everything raises ManifestNotReadable when the object is damaged, StoredMissing when it is gone.
    """

    def __init__(self, vault: Vault, name: str) -> None:
        self.name = name
        self._vault = vault
        self._held: OrderedDict[str, MovedFiles] = OrderedDict()

    @classmethod
    def newest(cls, vault: Vault, folder: str) -> "Moves | None":
        """The moves that hold in the environment of this moves folder; None when nothing ever moved there."""
        found = vault.listdir(folder)[1]
        return cls(vault, f"{folder}/{max(found)}") if found else None

    @cached_property
    def packs(self) -> list[Stored]:
        """The new packs, as they were written; files refer to them by number."""
        with Reading():
            header = self._line(*self._index["header"])
            if header["format"] != FORMAT:
                raise ValueError(f"its form is {header['format']}")
            return [Stored(name, size, sha256) for name, size, sha256 in header["packs"]]

    @property
    def old_packs(self) -> list[str]:
        return list(self._lines)

    def __contains__(self, pack: str) -> bool:
        return pack in self._lines

    def find(self, pack: str, offset: int) -> Place | None:
        """Where the file lies now that a manifest places in `pack` at `offset`; None: there, still."""
        if pack not in self._lines:
            return None
        files = self.of(pack)
        row = bisect_left(files.offset, offset)
        if row == len(files) or files.offset[row] != offset:
            return None
        return Place(self.packs[files.to[row]].name, files.at[row])

    def of(self, pack: str) -> MovedFiles:
        """Everything that moved out of an old pack, by offset."""
        files = self._held.get(pack)
        if files is None:
            with Reading():
                files = MovedFiles.of(self._line(*self._lines[pack])["moved"])
            while len(self._held) >= HELD_PACKS:
                self._held.popitem(last=False)
            self._held[pack] = files
        self._held.move_to_end(pack)
        return files

    def targets(self, pack: str) -> list[Stored]:
        """The new packs that hold what moved out of an old one."""
        return [self.packs[number] for number in sorted(set(self.of(pack).to))]

    @property
    def _lines(self) -> dict[str, list[int]]:
        lines: dict[str, list[int]] = self._index["moved"]
        return lines

    @cached_property
    def _index(self) -> dict[str, Any]:
        with Reading():
            size = self._vault.size(self.name)
            tail = b"".join(self._vault.stream(self.name, max(0, size - TAIL.size)))
            magic, length, place = TAIL.unpack(tail)
            if (magic, length) != (SKIPPABLE, 8) or place >= size:
                raise ValueError("its end is missing")
            return dict(self._line(place, size - TAIL.size - place)["end"])

    def _line(self, place: int, length: int) -> dict[str, Any]:
        return dict(json.loads(decompress(b"".join(self._vault.stream(self.name, place, length)))))


def write_moves(
    vault: Vault,
    folder: str,
    rewriting: UUID,
    *,
    after: Moves | None,
    packs: list[Stored],
    moved: Iterable[tuple[str, MovedFiles]],
    tick: Tick = no_tick,
) -> Moves:
    """Write the moves that hold from now on, and read them back. `after` is the one that is replaced.

    Raises: VaultUnreachable, StoredDiffers; then nothing has moved.
    """
    number = names.moves_number(after.name) + 1 if after else 1
    with _Writer(vault, names.moves(folder, number, rewriting)) as writer:
        header = writer.line({"format": FORMAT, "packs": [[one.name, one.size, one.sha256] for one in packs]})
        lines = {}
        for pack, files in moved:
            columns = {name: list(getattr(files, name)) for name in MovedFiles.__slots__}
            lines[pack] = writer.line({"moved": {"pack": pack, **columns}})
            tick()
        stored = writer.finish({"header": header, "moved": lines}, tick)
    read_back(vault, stored, tick)
    return Moves(vault, stored.name)


class _Writer:
    """Lines of JSON, each a frame with a checksum of its own. Left without `finish`, nothing stays."""

    def __init__(self, vault: Vault, name: str) -> None:
        self._stream = StoredStream(vault, name, has_crc=False)
        self._compressor = ZstdCompressor(
            options={CompressionParameter.compression_level: 3, CompressionParameter.checksum_flag: 1}
        )

    def line(self, content: Mapping[str, Any]) -> tuple[int, int]:
        """Where the line lies, and how long it is."""
        place = self._stream.size
        text = json.dumps(content, separators=(",", ":")).encode("ascii") + b"\n"
        self._stream.write(self._compressor.compress(text, ZstdCompressor.FLUSH_FRAME))
        return place, self._stream.size - place

    def finish(self, end: Mapping[str, Any], tick: Tick) -> Stored:
        place, _ = self.line({"end": end})
        self._stream.write(TAIL.pack(SKIPPABLE, 8, place))
        return self._stream.commit(tick)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.abort()


def confirm_packs(vault: Vault, named: Iterable[Stored], tick: Tick = no_tick) -> None:
    """See that every pack that a manifest names is there with its size, or what moved out of it is.

    Raises: StoredDiffers, StoredMissing, VaultUnreachable.
    """
    for one in named:
        try:
            confirm_stored(vault, [one], tick)
        except StoredMissing:
            confirm_stored(vault, _targets(vault, one.name), tick)


def _targets(vault: Vault, pack: str) -> list[Stored]:
    moves = Moves.newest(vault, names.moves_folder_beside(pack))
    if moves is None or pack not in moves:
        raise StoredMissing(f"{pack} is missing in the vault.")
    return moves.targets(pack)


def packs_lost(vault: Vault, packs: Iterable[str]) -> set[str]:
    """Which of these packs are neither there nor moved to others that are."""
    asked = set(packs)
    missing = asked - _listed(vault, asked)
    lost = set()
    for folder in {names.moves_folder_beside(pack) for pack in missing}:
        moves = Moves.newest(vault, folder)
        here = {pack for pack in missing if names.moves_folder_beside(pack) == folder}
        there = _listed(vault, {one.name for one in moves.packs}) if moves else set()
        for pack in here:
            if moves is None or pack not in moves or any(one.name not in there for one in moves.targets(pack)):
                lost.add(pack)
    return lost


def _listed(vault: Vault, packs: set[str]) -> set[str]:
    folders = {pack.rpartition("/")[0] for pack in packs}
    return {f"{folder}/{name}" for folder in folders for name in vault.listdir(folder)[1]}
