"""What is mounted from where, as Linux tells it."""

import os
import re
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")


def is_source_of_a_mount(folder: Path) -> bool:
    """Whether another mount shows this folder, or something below it, at a second place (a container's volume).

    Renaming would succeed, and the other place would go on showing the old tree.
    """
    try:
        lines = MOUNTINFO.read_text().splitlines()
    except OSError:
        return False
    mounts = [(parts[2], _plain(parts[3]), _plain(parts[4])) for parts in map(str.split, lines) if len(parts) > 4]
    own = _place_within(os.path.realpath(folder), mounts)
    if own is None:
        return False
    device, within = own
    return any(
        other == device and (root == within or root.startswith(within.rstrip("/") + "/")) for other, root, _ in mounts
    )


def _place_within(path: str, mounts: list[tuple[str, str, str]]) -> tuple[str, str] | None:
    """The device a path lies on, and its path within that file system."""
    holding = [mount for mount in mounts if path == mount[2] or path.startswith(mount[2].rstrip("/") + "/")]
    if not holding:
        return None
    # Of two at one place the later one hides the earlier.
    device, root, point = max(reversed(holding), key=lambda mount: len(mount[2]))
    rest = path[len(point.rstrip("/")) :]
    return device, (root.rstrip("/") + rest) or "/"


def _plain(text: str) -> str:
    """Mountinfo writes spaces and the like as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
