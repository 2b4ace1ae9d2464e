"""Which generation a tree is: a small file in `.portal/`, which is never walked, moves with the tree, and is synced."""

import os
from contextlib import suppress
from pathlib import Path

from .vault import sync_folder

OWN = ".portal"
NAME = "generation"


def generation_at(tree: Path) -> str | None:
    """The generation that this tree was marked as; None when it never was, or is not there."""
    try:
        return (tree / OWN / NAME).read_text().strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None


def mark(tree: Path, generation: str | None) -> None:
    """Say which generation a tree is; None takes the mark away."""
    folder = tree / OWN
    if generation is None:
        (folder / NAME).unlink(missing_ok=True)
        with suppress(OSError):
            folder.rmdir()
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    write_synced(folder / NAME, generation)


def write_synced(path: Path, text: str) -> None:
    """Write a small file so that after a power cut it is there as it was, or as it is now."""
    beside = path.with_name(f"{path.name}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, text.encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    beside.replace(path)
    sync_folder(path.parent)
