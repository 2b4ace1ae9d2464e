"""Who still holds a directory: processes with an open file, a working folder or a root below it."""

import os
from collections.abc import Iterator
from pathlib import Path


def holders_of(root: Path) -> list[str]:
    """The visible processes that hold something below `root`, as `name (process id)`; this process and its own are no
    holders. Only processes whose handles may be looked at are seen: those of the same user, or all as root.
    """
    top = os.path.realpath(root)
    own = {os.getpid(), os.getppid()}
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        if pid not in own and any(place == top or place.startswith(top + "/") for place in _places(entry)):
            found.append(f"{_name(entry)} ({pid})")
    return sorted(found)


def _places(process: Path) -> Iterator[str]:
    for name in ("cwd", "root"):
        yield from _target(process / name)
    try:
        handles = list((process / "fd").iterdir())
    except OSError:
        return
    for handle in handles:
        yield from _target(handle)


def _target(link: Path) -> Iterator[str]:
    try:
        yield str(link.readlink())
    except OSError:
        return


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "a process"
