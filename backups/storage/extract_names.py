"""Which names an uploaded archive may bring, and which it has brought already."""

import os
import re
import unicodedata
from array import array
from hashlib import blake2b

from .extract_refusals import refusal
from .extract_stream import Limits

CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
# What a terminal or another system reads as more than a character; our own archives may hold it.
FOREIGN_CONTROL = re.compile("[\x80-\x9f\u2028\u2029]")
DOTS = re.compile(r"\A(?:\./)+")
DRIVE = re.compile("[A-Za-z]:")
FOLDER, EXPLICIT = 2, 1  # the two lowest bits of what is remembered of a path


def plain_path(name: bytes, limits: Limits, *, is_folder: bool) -> str:
    """The path of a member without `./` before it and `/` behind it; empty for the root itself.

    Raises: UploadRefused for what no archive may hold.
    """
    if len(name) > 4 * limits.path_bytes:
        raise refusal("path-too-long", name, limit=limits.path_bytes)
    if CONTROL.search(name):
        raise refusal("name-control", name)
    try:
        path = name.decode()
    except UnicodeDecodeError:
        raise refusal("name-encoding", name) from None
    path = DOTS.sub("", path)
    path = path.removesuffix("/") if is_folder else path
    if path in ("", ".") and is_folder and name not in (b"", b"/"):
        return ""
    check_shape(path, name)
    _check_depth(path, name, limits)
    return path


def check_shape(path: str, name: bytes | str) -> None:
    """Raises: UploadRefused unless it is a relative path of real names."""
    if not path:
        raise refusal("name-absolute" if name in (b"/", "/") else "name-empty", name)
    if path.startswith("/"):
        raise refusal("name-absolute", name)
    parts = path.split("/")
    if ".." in parts:
        raise refusal("name-climbs", name)
    if "" in parts or "." in parts:
        raise refusal("name-unclear", name)


def _check_depth(path: str, name: bytes | str, limits: Limits) -> None:
    if path.count("/") >= limits.depth:
        raise refusal("too-deep", name, limit=limits.depth)


def check_length(path: bytes, limits: Limits) -> None:
    """Raises: UploadRefused (part-too-long, path-too-long)."""
    if len(path) > limits.path_bytes:
        raise refusal("path-too-long", path, limit=limits.path_bytes)
    if len(path) > limits.part_bytes and max(map(len, path.split(b"/"))) > limits.part_bytes:
        raise refusal("part-too-long", path, limit=limits.part_bytes)


def foreign_offence(path: str) -> str | None:
    """The code of what only an archive of our own may hold: names that other systems read otherwise."""
    if DRIVE.match(path):
        return "name-drive"
    if "\\" in path:
        return "name-backslash"
    if path.isascii():
        return None
    if FOREIGN_CONTROL.search(path):
        return "name-control"
    look = unicodedata.normalize("NFKC", path)
    return "name-climbs" if {"..", "."} & set(re.split(r"[/\\]", look)) else None


def fold(path: str) -> str:
    """Equal for paths that differ in capitals and in how accents are written."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


class Marks:
    """Numbers of 64 bits with a fact of 64 bits each; a dictionary would take ten times the memory."""

    def __init__(self) -> None:
        self._keys, self._facts = array("Q", bytes(8 << 10)), array("Q", bytes(8 << 10))
        self.count = 0

    def find(self, key: int) -> int | None:
        slot = self._slot(key)
        return self._facts[slot] if self._keys[slot] else None

    def put(self, key: int, fact: int) -> None:
        slot = self._slot(key)
        if not self._keys[slot]:
            self._keys[slot] = key or 1
            self.count += 1
        self._facts[slot] = fact
        if self.count * 3 > len(self._keys) * 2:
            self._grow()

    def _slot(self, key: int) -> int:
        key, keys, mask = key or 1, self._keys, len(self._keys) - 1
        slot = key & mask
        while (held := keys[slot]) and held != key:
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        keys, facts = self._keys, self._facts
        self._keys, self._facts = (array("Q", bytes(16 * len(keys))) for _ in range(2))
        for key, fact in zip(keys, facts, strict=True):
            if key:
                slot = self._slot(key)
                self._keys[slot], self._facts[slot] = key, fact


class Keyed:
    """Turns paths into numbers that nobody can foresee, so that nobody can make two fall together."""

    def __init__(self) -> None:
        self._secret = os.urandom(16)

    def number(self, path: str, person: bytes = b"") -> int:
        raw = path.encode("utf-8", "surrogateescape")
        return int.from_bytes(blake2b(raw, digest_size=8, key=self._secret, person=person).digest(), "little")


class Seen:
    """The paths an archive has brought, files and folders, those implied by longer paths too."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self._keyed, self._marks = limits, Keyed(), Marks()
        self._parent = ""

    def meet(self, path: str, *, is_folder: bool) -> str | None:
        """Remember a path; the code case-clash when it was there in another spelling.

        Raises: UploadRefused (duplicate, file-and-folder, too-many-entries).
        """
        parent, clash = path.rpartition("/")[0], None
        if parent != self._parent:
            for end in (at for at, character in enumerate(parent + "/") if character == "/" and at):
                clash = self._remember(path[:end], FOLDER) or clash
            self._parent = parent
        clash = self._remember(path, (FOLDER if is_folder else 0) | EXPLICIT) or clash
        if self._marks.count > self._limits.entries:
            raise refusal("too-many-entries", limit=self._limits.entries)
        return clash

    def _remember(self, path: str, bits: int) -> str | None:
        fact = self._keyed.number(path) & ~3 | bits
        key = self._keyed.number(fold(path), b"folded")
        held = self._marks.find(key)
        if held is None:
            self._marks.put(key, fact)
        elif (held ^ fact) & ~3:
            return self._remember_spelling(path, fact)
        else:
            self._meet_again(path, key, held, bits)
        return None

    def _remember_spelling(self, path: str, fact: int) -> str | None:
        key = fact | 3
        held = self._marks.find(key)
        if held is None:
            self._marks.put(key, fact)
            return "case-clash"
        self._meet_again(path, key, held, fact & 3)
        return None

    def _meet_again(self, path: str, key: int, held: int, bits: int) -> None:
        if (held ^ bits) & FOLDER:
            raise refusal("file-and-folder", path)
        if held & bits & EXPLICIT:
            raise refusal("duplicate", path)
        self._marks.put(key, held | bits)
