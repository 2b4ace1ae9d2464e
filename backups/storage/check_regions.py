"""Which files lie in which pack now, light: some 60 bytes a file."""

from array import array
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..errors import StoredDiffers
from . import names
from .columns import FileColumns, Frames
from .manifest import ManifestReader
from .moves import Moves, Place
from .stored import Stored, Tick
from .vault import Vault

Finder = Callable[[str, int], Place]


class Region(NamedTuple):
    """One file in a pack: where, how long it is plain, the lengths of its frames, its SHA-256."""

    offset: int
    size: int
    frames: Frames
    sha256: bytes

    @property
    def stored_lengths(self) -> list[int]:
        return self.frames if isinstance(self.frames, list) else [self.frames]


class Regions:
    """The files of one pack."""

    def __init__(self) -> None:
        self._offsets, self._sizes, self._frames = array("Q"), array("Q"), array("q")
        self._several: list[list[int]] = []
        self._digests = bytearray()

    def add(self, offset: int, size: int, frames: Frames, sha256: str) -> None:
        self._offsets.append(offset)
        self._sizes.append(size)
        if isinstance(frames, int):
            self._frames.append(frames)
        else:
            self._several.append(frames)
            self._frames.append(-len(self._several))
        self._digests += bytes.fromhex(sha256)

    def __iter__(self) -> Iterator[Region]:
        """In the order in which they lie there; what several files have in common comes once."""
        offsets, last = self._offsets, None
        for row in sorted(range(len(offsets)), key=offsets.__getitem__):
            number = self._frames[row]
            frames: Frames = number if number >= 0 else self._several[-number - 1]
            region = Region(offsets[row], self._sizes[row], frames, bytes(self._digests[32 * row : 32 * row + 32]))
            if region != last:
                yield region
            last = region


def regions_of(vault: Vault, manifest: ManifestReader, tick: Tick) -> tuple[dict[str, Regions], dict[str, Stored]]:
    """The files of a manifest by the pack in which each lies now, and each of these packs as it was written.

    Raises: StoredDiffers: the manifest contradicts itself; ManifestNotReadable.
    """
    found: dict[str, Regions] = {}
    written = {name: Stored(name, size, sha256) for name, size, sha256 in manifest.end["packs"]}
    find = _finder(vault, written)
    count = size = 0
    for columns in manifest.file_columns():
        _add(columns, manifest, find, found)
        count, size = count + len(columns), size + sum(columns.size)
        tick()
    if (count, size) != (manifest.end["files_count"], manifest.end["files_bytes"]):
        raise StoredDiffers(f"The backup's list names {count} files, and at its end it says otherwise.")
    return found, {pack: written[pack] for pack in found}


def _finder(vault: Vault, written: dict[str, Stored]) -> Finder:
    """Finds files where they lie now; the packs into which they moved are added to those that were written."""
    folders = {names.moves_folder_beside(pack) for pack in written}
    moves = next((moves for folder in folders if (moves := Moves.newest(vault, folder))), None)
    if moves is None:
        return Place
    written |= {pack.name: pack for pack in moves.packs}
    return lambda pack, offset: moves.find(pack, offset) or Place(pack, offset)


def _add(columns: FileColumns, manifest: ManifestReader, find: Finder, found: dict[str, Regions]) -> None:
    for row, number in enumerate(columns.pack):
        if columns.size[row]:
            place = find(manifest.pack_name(number), columns.offset[row])
            regions = found.get(place.pack)
            if regions is None:
                regions = found[place.pack] = Regions()
            regions.add(place.offset, columns.size[row], columns.frames[row], columns.digest(row))
