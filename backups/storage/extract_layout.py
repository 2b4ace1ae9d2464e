"""How an uploaded archive is laid out: one of our own, a full backup, or files under their own paths."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

from ..errors import UploadRefused
from .archive_names import written_names
from .extract_names import Keyed, Marks, check_length, check_shape
from .extract_refusals import refusal
from .extract_stream import Limits

TREE, DUMP, METADATA, NAMES = "tree/", "db/db.backup", ".metadata", "NAMES.json"
TOP_FILES = (METADATA, NAMES, "SHA256SUMS", "README.txt", DUMP)
TOP_FOLDERS = ("", "db", "tree")
LONGEST_METADATA = 64 << 10
LONGEST_PAIR = 256 << 10
PAIR = re.compile(rb'\s*("(?:[^"\\]|\\.)*+")\s*:\s*("(?:[^"\\]|\\.)*+")\s*([,}])', re.DOTALL)


class Layout:
    """What the members met so far allow. Whether it is ours is known at the end, so offences of names wait for it."""

    def __init__(self) -> None:
        self.may_be_ours, self.has_dump = True, False
        self.metadata: dict[str, Any] | None = None
        self._offence: UploadRefused | None = None
        self._own_offence: UploadRefused | None = None

    def meet(self, path: str, *, is_folder: bool) -> None:
        self.has_dump |= path == DUMP and not is_folder
        fits = path in (TOP_FOLDERS if is_folder else TOP_FILES) or path.startswith(TREE)
        self.may_be_ours &= fits
        self._judge(self.may_be_ours)

    def forgive(self, offence: UploadRefused) -> None:
        """Remember what only an archive of our own may do. Raises it when this is none."""
        self._offence = self._offence or offence
        self._judge(self.may_be_ours)

    def forgive_unless_ours(self, offence: UploadRefused) -> None:
        """Remember what an archive of our own may not do, and others may."""
        self._own_offence = self._own_offence or offence

    def conclude(self) -> None:
        """Every member was met. Raises: the first offence against the rules of its kind."""
        self._judge(self.is_ours)
        if self._own_offence and self.is_ours:
            raise self._own_offence

    @property
    def is_ours(self) -> bool:
        return self.may_be_ours and self.metadata is not None

    @property
    def root(self) -> str:
        """What stands in front of the files' own paths."""
        return TREE if self.is_ours or (self.may_be_ours and self.has_dump) else ""

    def _judge(self, is_allowed: bool) -> None:
        if self._offence and not is_allowed:
            raise self._offence


def read_metadata(pieces: Iterable[bytes]) -> dict[str, Any] | None:
    """What our own archives say of themselves: one JSON object; None when it is something else."""
    content = b""
    for piece in pieces:
        content += piece
        if len(content) > LONGEST_METADATA:
            return None
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


class WrittenNames:
    """The names that our own archives write with percents, because other systems could not read them.

    Kept as numbers: a name's original is what its percents say, so that only which names are written has to be known.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits, self._keyed, self._written = limits, Keyed(), Marks()

    @property
    def count(self) -> int:
        return self._written.count

    def read(self, pieces: Iterable[bytes]) -> None:
        """Take in NAMES.json. Raises: UploadRefused (names-list)."""
        name = NAMES
        try:
            for name, original in _pairs(pieces):
                self._meet(name, original)
        except (ValueError, RecursionError):
            raise refusal("names-list", name) from None

    def holds(self, path: str) -> bool:
        """Whether a path of the archive (`tree/…`) is a written one."""
        return self._written.find(self._keyed.number(path)) is not None

    def original(self, path: str) -> bytes:
        """The path below `tree/` as it was."""
        below = path.removeprefix(TREE)
        return unquote_to_bytes(below) if self.count and self.holds(path) else below.encode()

    def _meet(self, name: str, original: str) -> None:
        """Raises: ValueError unless the name is how our archives write this original, and it may be a path."""
        path = name.removesuffix("/")
        plain = original.removesuffix("/")
        below = next((one for one in (plain.removeprefix(TREE), plain) if TREE + written_names([one])[0] == path), "")
        raw = below.encode("utf-8", "surrogateescape")
        if TREE + below == path or b"\0" in raw or self.holds(path) or self.count >= self._limits.entries:
            raise ValueError(name)
        try:
            check_shape(below, name)
            check_length(raw, self._limits)
        except UploadRefused:
            raise ValueError(name) from None
        self._written.put(self._keyed.number(path), 0)


def _pairs(pieces: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """The pairs of one JSON object of texts, while it comes. Raises: ValueError."""
    held, opened, separator = b"", False, b"{"
    for piece in pieces:
        held += piece
        if not opened and (held := held.lstrip()):
            if held[:1] != b"{":
                raise ValueError(held[:1])
            held, opened = held[1:], True
        at = 0
        while found := PAIR.match(held, at):
            if separator == b"}":
                raise ValueError(at)
            yield json.loads(found[1]), json.loads(found[2])
            separator, at = found[3], found.end()
        held = held[at:]
        if len(held) > LONGEST_PAIR:
            raise ValueError(len(held))
    if not opened or held.strip() != (b"}" if separator == b"{" else b"") or separator == b",":
        raise ValueError(held[:1])
