"""How files are named in archives: as they are, and with percents where other systems could not read the name."""

import hashlib
import re
from urllib.parse import unquote_to_bytes

ODD = re.compile("[\x00-\x1f\x7f\udc80-\udcff]")
PERCENTED = re.compile("[\x00-\x1f\x7f\udc80-\udcff%]")
LONGEST_BYTES = 65_000  # a zip has two bytes for the length of a name
SUSPECT_LENGTH = LONGEST_BYTES // 4


def written_names(paths: list[str]) -> list[str]:
    """The paths as archives write them, all different, all of them UTF-8 without control characters.

    Written with percents are exactly those that are not UTF-8 or hold a control character, and those that look as if
    they were written so, because else two files could fall together.
    """
    if not PERCENTED.search("/".join(paths)) and len(max(paths, key=len, default="")) < SUSPECT_LENGTH:
        return paths
    return [_written(path) for path in paths]


def _written(path: str) -> str:
    name = with_percents(path) if ODD.search(path) or _looks_written(path) else path
    if len(name) >= SUSPECT_LENGTH and len(name.encode()) > LONGEST_BYTES:
        return f"%/{hashlib.sha256(name.encode()).hexdigest()}"
    return name


def with_percents(path: str) -> str:
    """Every odd character and every percent as `%` and two digits; the rest stays readable."""
    return PERCENTED.sub(lambda found: f"%{ord(found[0]) & 0xFF:02X}", path)


def _looks_written(path: str) -> bool:
    if "%" not in path:
        return False
    original = unquote_to_bytes(path.encode()).decode("utf-8", "surrogateescape")
    if original == path or with_percents(original) != path:
        return False
    return bool(ODD.search(original)) or _looks_written(original)
