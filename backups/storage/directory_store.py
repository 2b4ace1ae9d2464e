"""Uploaded files in a directory."""

import shutil
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

from environments.files_address import FilesAddress

from .destination import Destination, opened_folder
from .documents_found import Found, Pace
from .stored import Tick, no_tick
from .swaps import choose_swap, discard, make_tree
from .synced import sync_file_system
from .walk import FoundFile, walk

TOLD = 64


class DirectoryStore:
    """A directory; its neighbours, or what lies in its `.portal/`, are the places beside it."""

    pace = Pace(threads=2, files=64, ahead_bytes=6 << 20, inline_bytes=1 << 20)

    def __init__(self, address: FilesAddress) -> None:
        self.address = address
        self.live = address.directory

    def hurried(self) -> Self:
        return self

    def look(self) -> bool:
        with closing(walk(self.live)) as tree:
            return next(tree, None) is not None

    def walk(self, tick: Tick = no_tick) -> Generator[Found]:  # noqa: ARG002 - it tells from the first name on
        return walk(self.live)

    def measure(self, tick: Tick = no_tick) -> tuple[int, int]:
        count, size = 0, 0
        for found in walk(self.live):
            if isinstance(found, FoundFile):
                count += 1
                size += found.seen.st_size
                if count % TOLD == 0:
                    tick()
        return count, size

    def free_bytes(self) -> int | None:
        return shutil.disk_usage(self.live).free

    is_switched = keeps_copies = False

    def staging(self, label: str) -> str:
        return str(choose_swap(self.live).staging(label))

    def previous(self, label: str) -> str:
        return str(choose_swap(self.live).previous(label))

    def withdraw(self, label: str, beat: Tick = no_tick) -> None:
        self.discard(self.staging(label), beat)

    def make(self, place: str, beat: Tick = no_tick) -> None:  # noqa: ARG002
        shutil.rmtree(place, ignore_errors=True)
        make_tree(Path(place), like=self.live)

    @contextmanager
    def opened(self, place: str, beat: Tick = no_tick) -> Iterator[Destination]:  # noqa: ARG002
        facts = self.live.stat()
        with (
            opened_folder(Path(place)) as handle,
            Destination(handle, (facts.st_uid, facts.st_gid)) as destination,
        ):
            yield destination

    def sync(self, place: str, beat: Tick = no_tick) -> None:  # noqa: ARG002
        sync_file_system(Path(place))

    def prepare(self, outgoing: str, beat: Tick = no_tick) -> None:
        """A rename needs nothing beforehand."""

    def keep(self, outgoing: str, beat: Tick = no_tick) -> None:
        """What leaves is kept by being renamed."""

    def exchange(self, incoming: str, outgoing: str, generation: str, beat: Tick = no_tick) -> None:  # noqa: ARG002
        choose_swap(self.live).exchange(Path(incoming), Path(outgoing), generation)

    def take_back(self, outgoing: str, generation: str, beat: Tick = no_tick) -> None:
        """A rename is never of no use: it is done when it is tried again."""

    def clear(self, incoming: str, generation: str, beat: Tick = no_tick) -> None:
        """Nothing is left over: what came in is live."""

    def moved(self, place: str) -> FilesAddress:  # noqa: ARG002 - only what is live has this path
        return self.address

    def discard(self, place: str, beat: Tick = no_tick) -> None:
        discard(Path(place), beat)
