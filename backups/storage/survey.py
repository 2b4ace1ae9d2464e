"""Which packs of an environment are still needed, and how much of each, as far as the vault itself can tell."""

from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from uuid import UUID

from ..errors import VaultUnreachable
from . import names
from .columns import FileColumns, Frames
from .manifest import ManifestReader
from .moves import Moves, Place
from .stored import Tick, no_tick
from .vault import Vault


class Regions:
    """Which parts of one pack manifests name: offsets and stored lengths, each once, by offset."""

    __slots__ = ("_seen", "lengths", "offsets")

    def __init__(self) -> None:
        self.offsets, self.lengths = array("Q"), array("Q")
        self._seen: set[bytes] = set()

    def add(self, offsets: "array[int]", lengths: "array[int]") -> None:
        """Most manifests name what others named: those are told by a digest."""
        digest = blake2b(offsets.tobytes() + lengths.tobytes(), digest_size=16).digest()
        if digest in self._seen:
            return
        self._seen.add(digest)
        both = dict(zip(self.offsets, self.lengths, strict=True)) | dict(zip(offsets, lengths, strict=True))
        self.offsets = array("Q", sorted(both))
        self.lengths = array("Q", (both[offset] for offset in self.offsets))

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.offsets, self.lengths, strict=True)


@dataclass
class Survey:
    """What was found. Names are whole names in the vault; `regions` go by the places that manifests name."""

    packs: set[str]
    regions: dict[str, Regions]
    sizes: dict[str, int]
    moves: Moves | None
    old_moves: list[str]
    unfinished: list[str] = field(default_factory=list)

    def places(self, pack: str) -> Iterator[tuple[int, int, Place]]:
        """Offset, length, and where it lies now, of everything that is needed of a pack that manifests name."""
        is_moved = self.moves is not None and pack in self.moves
        for offset, length in self.regions[pack]:
            yield offset, length, (is_moved and self.moves and self.moves.find(pack, offset)) or Place(pack, offset)

    @cached_property
    def needed(self) -> dict[str, int]:
        """Bytes of each pack that somebody needs, by where they lie now."""
        needed: dict[str, int] = {}
        for pack in self.regions:
            for _, length, place in self.places(pack):
                needed[place.pack] = needed.get(place.pack, 0) + length
        return needed

    @property
    def dead(self) -> set[str]:
        """Everything there that nobody needs: packs, moves that others replaced, writes that never ended."""
        return (self.packs - set(self.needed)) | set(self.old_moves) | set(self.unfinished)

    @property
    def half_dead(self) -> list[str]:
        """Packs of which less than half is needed."""
        return sorted(pack for pack, size in self.needed.items() if pack in self.packs and size * 2 < self.size(pack))

    def size(self, pack: str) -> int:
        """In bytes; 0 where only the vault would know."""
        return self.sizes.get(pack, 0)


def survey(
    vault: Vault,
    environment: UUID,
    *,
    without: Collection[str] = (),
    known: Collection[str] = (),
    tick: Tick = no_tick,
) -> Survey:
    """Look at everything of an environment but `without`, the names of manifests that are about to go.

    `known` are manifests of which the portal knows: a list without one that is there is not believed.

    Packs are listed before manifests are read, so that what is stored meanwhile is never taken for dead: a pack that
    was seen is named by a manifest that is read later, or its backup still runs.

    Raises: VaultUnreachable, ManifestNotReadable, StoredMissing: then nothing is known, and nothing may be removed.
    """
    folder, moves_folder = names.packs_folder(environment), names.moves_folder(environment)
    packs = {f"{folder}/{name}" for name in vault.listdir(folder)[1]}
    unfinished = vault.unfinished(folder) + vault.unfinished(moves_folder)
    found = Survey(packs, {}, {}, None, [], unfinished)
    there = set(manifests(vault, environment))
    _check_list(vault, there, known)
    for manifest in sorted(there):
        if manifest not in without:
            _read(ManifestReader(vault, manifest), found, tick)
    found.moves = Moves.newest(vault, moves_folder)
    if found.moves is not None:
        found.sizes |= {one.name: one.size for one in found.moves.packs}
        listed = (f"{moves_folder}/{name}" for name in vault.listdir(moves_folder)[1])
        found.old_moves = sorted(name for name in listed if name < found.moves.name)
    return found


def manifests(vault: Vault, environment: UUID) -> Iterator[str]:
    """The names of all manifests of an environment."""
    folder = names.backups_folder(environment)
    for attempt in vault.listdir(folder)[0]:
        if names.MANIFEST in vault.listdir(f"{folder}/{attempt}")[1]:
            yield f"{folder}/{attempt}/{names.MANIFEST}"


def _check_list(vault: Vault, listed: set[str], known: Collection[str]) -> None:
    """A vault may answer with an old list, and what is only missing there would look as if nobody needed it."""
    for name in sorted(set(known) - listed):
        if vault.exists(name):
            raise VaultUnreachable(f"The vault's list lacks {name}, which is there: it is an old list.")


def _read(manifest: ManifestReader, found: Survey, tick: Tick) -> None:
    found.sizes |= {name: size for name, size, _ in manifest.end["packs"]}
    parts: dict[int, tuple[array[int], array[int]]] = {}
    for columns in manifest.file_columns():
        _gather(columns, parts)
        tick()
    for number, (offsets, lengths) in parts.items():
        found.regions.setdefault(manifest.pack_name(number), Regions()).add(offsets, lengths)
        tick()


def _gather(columns: FileColumns, parts: "dict[int, tuple[array[int], array[int]]]") -> None:
    for pack, offset, frames in zip(columns.pack, columns.offset, columns.frames, strict=True):
        if pack >= 0:
            part = parts.get(pack)
            if part is None:
                part = parts[pack] = (array("Q"), array("Q"))
            part[0].append(offset)
            part[1].append(_length(frames))


def _length(frames: Frames) -> int:
    return frames if isinstance(frames, int) else sum(frames)
