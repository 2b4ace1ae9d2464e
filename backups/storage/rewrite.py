"""Rewriting: what still lives of half-dead packs goes into new ones, and moves say where it lies since."""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID, uuid4

from ..errors import StoredDiffers
from . import names
from .moves import MovedFiles, write_moves
from .packs import PACK, PackReader, PackWriter
from .stored import Stored, Tick, no_tick
from .survey import Survey
from .vault import Vault

AT_ONCE = 256
"""So many packs are rewritten before their moves hold: what a kill in between costs."""


@dataclass
class Rewritten:
    """What came of it: packs that nobody needs any more, bytes that were copied, and packs that do not read."""

    replaced: list[str] = field(default_factory=list)
    copied_bytes: int = 0
    unreadable: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Part:
    """One file: where a manifest places it, and where it lies now."""

    pack: str
    offset: int
    length: int
    at: int


def rewrite(
    vault: Vault, environment: UUID, found: Survey, *, limit: int = PACK, most: int = AT_ONCE, tick: Tick = no_tick
) -> Rewritten:
    """Rewrite half-dead packs, `most` of them at once; nothing is removed, no manifest changes.

    The order is the promise: new packs, read back; then the moves, read back. Whoever is killed in between has changed
    nothing. A pack that does not read to its end stays as it is.

    Raises: VaultUnreachable, StoredDiffers, ManifestNotReadable.
    """
    chosen = found.half_dead[:most]
    if not chosen:
        return Rewritten()
    rewriting = uuid4()
    with PackWriter(vault, partial(names.rewritten_pack, environment, rewriting), limit=limit) as packs:
        copying = _Copying(vault, packs, tick)
        for pack, parts in sorted(_parts_of(found, set(chosen)).items()):
            copying.copy(pack, parts)
        stored = packs.finish(tick)
    if copying.moved:
        _publish(vault, environment, rewriting, found, stored, copying, tick)
        copying.done.replaced += [found.moves.name] if found.moves else []
    return copying.done


def _parts_of(found: Survey, chosen: set[str]) -> dict[str, list[_Part]]:
    """What lives in each of these packs, in the order in which it lies there."""
    parts: dict[str, list[_Part]] = {pack: [] for pack in chosen}
    for pack in found.regions:
        for offset, length, place in found.places(pack):
            if place.pack in chosen:
                parts[place.pack].append(_Part(pack, offset, length, place.offset))
    for one in parts.values():
        one.sort(key=lambda part: part.at)
    return parts


class _Copying:
    """Copies files from packs to packs, as they are stored."""

    def __init__(self, vault: Vault, packs: PackWriter, tick: Tick) -> None:
        self.done = Rewritten()
        self.moved: dict[tuple[str, int], tuple[int, str, int]] = {}
        self._reader, self._packs, self._tick = PackReader(vault), packs, tick

    def copy(self, pack: str, parts: list[_Part]) -> None:
        moved = {}
        try:
            for part in parts:
                moved[part.pack, part.offset] = (part.length, *self._copy_one(pack, part))
        except StoredDiffers:
            self.done.unreadable.append(pack)
            return
        self.moved |= moved
        self.done.replaced.append(pack)

    def _copy_one(self, pack: str, part: _Part) -> tuple[str, int]:
        place = self._packs.begin()
        try:
            for piece in self._reader.stored(pack, part.at, part.length):
                self._packs.append(piece)
                self.done.copied_bytes += len(piece)
                while not self._packs.wait(0.2):
                    self._tick()
                self._tick()
        finally:
            self._packs.end()
        return place


def _publish(
    vault: Vault, environment: UUID, rewriting: UUID, found: Survey, new: list[Stored], copying: _Copying, tick: Tick
) -> None:
    """Write the moves that hold from now on: the new ones, and those of before that still matter."""
    known = {one.name: one for one in (*(found.moves.packs if found.moves else []), *new)}
    numbers: dict[str, int] = {}
    files: dict[str, MovedFiles] = defaultdict(MovedFiles)
    for pack in sorted(found.regions):
        for offset, length, place in found.places(pack):
            _, to, at = copying.moved.get((pack, offset), (length, *place))
            if to != pack:
                files[pack].add(offset, length, numbers.setdefault(to, len(numbers)), at)
        tick()
    write_moves(
        vault,
        names.moves_folder(environment),
        rewriting,
        after=found.moves,
        packs=[known[name] for name in numbers],
        moved=files.items(),
        tick=tick,
    )
