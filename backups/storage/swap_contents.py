"""The exchange of contents, for a directory that cannot be renamed: its entries go out, then the new ones come in.

Both trees lie inside it, in `.portal/`. A step file says which half is under way; the second half begins only when the
first is over, so that what is seen after a kill always tells which entries are old and which are new.
"""

from pathlib import Path

from .generations import NAME, OWN, generation_at, mark, write_synced
from .vault import sync_folder

OUT, IN = "out", "in"


class ContentsSwap:
    """For a mount point, another disk, the source of another mount, or a parent that may not be written."""

    method = "contents"

    def __init__(self, live: Path) -> None:
        self.live = live
        self.own = live / OWN

    def staging(self, label: str) -> Path:
        return self.own / f"in-{label}"

    def previous(self, label: str) -> Path:
        return self.own / f"was-{label}"

    def exchange(self, incoming: Path, outgoing: Path, generation: str) -> None:
        if generation_at(self.live) == generation:
            return
        step = self.own / f"step-{generation}"
        if not step.exists():
            write_synced(step, OUT)
        if step.read_text() == OUT:
            outgoing.mkdir(mode=0o700, exist_ok=True)
            _move_entries(self.live, outgoing)
            mark(outgoing, generation_at(self.live))
            write_synced(step, IN)
        _move_entries(incoming, self.live)
        _take_on(incoming, self.live)
        mark(self.live, generation)
        _remove_empty(incoming)
        step.unlink()


def _move_entries(source: Path, target: Path) -> None:
    """Rename every entry but our own folder from one directory into another on the same disk."""
    for entry in list(source.iterdir()) if source.exists() else []:
        if entry.name != OWN:
            entry.rename(target / entry.name)
    sync_folder(target)
    if source.exists():
        sync_folder(source)


def _take_on(incoming: Path, live: Path) -> None:
    """The live directory stays the same one; it takes on the mode of the tree that comes in."""
    if incoming.exists():
        live.chmod(incoming.stat().st_mode & 0o7777)


def _remove_empty(tree: Path) -> None:
    if tree.exists():
        (tree / OWN / NAME).unlink(missing_ok=True)
        if (tree / OWN).exists():
            (tree / OWN).rmdir()
        tree.rmdir()
