"""Zips made by hand, in which every field may be wrong."""

import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

UTF_8 = 1 << 11
DESCRIBED = 8
FILE, FOLDER = 0o100644, 0o040755


def deflate(content: bytes, level: int = 6) -> bytes:
    engine = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return engine.compress(content) + engine.flush()


@dataclass
class Entry:
    """`both`, `local` and `central` overwrite fields by name: flags, method, crc, packed, size, name, extra, …"""

    name: bytes = b"a.txt"
    content: bytes = b"hello hello hello"
    method: int = 8
    mode: int = FILE
    flags: int = UTF_8
    packed: bytes | None = None
    descriptor: bytes = b""
    before: bytes = b""
    both: dict[str, Any] = field(default_factory=dict)
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)

    def body(self) -> bytes:
        if self.packed is not None:
            return self.packed
        return deflate(self.content) if self.method == 8 else self.content

    def fields(self, offset: int) -> dict[str, Any]:
        return {
            "mark": b"PK\3\4",
            "made": 3 << 8 | 20,
            "needed": 20,
            "flags": self.flags,
            "method": self.method,
            "crc": zlib.crc32(self.content),
            "packed": len(self.body()),
            "size": len(self.content),
            "name": self.name,
            "extra": b"",
            "comment": b"",
            "disk": 0,
            "attributes": self.mode << 16,
            "offset": offset,
        } | self.both

    def local_part(self) -> bytes:
        said = self.fields(0) | self.local
        sums = [said[key] for key in ("crc", "packed", "size")]
        front = [said[key] for key in ("mark", "needed", "flags", "method")]
        header = struct.pack("<4s5H3L2H", *front, 0, 0x5A21, *sums, len(said["name"]), len(said["extra"]))
        return bytes(header + said["name"] + said["extra"] + self.body() + self.descriptor)

    def central_part(self, offset: int) -> bytes:
        said = self.fields(offset) | {"mark": b"PK\1\2"} | self.central
        front = [said[key] for key in ("mark", "made", "needed", "flags", "method")]
        sums = [said[key] for key in ("crc", "packed", "size")]
        lengths = [len(said[key]) for key in ("name", "extra", "comment")]
        place = [said["disk"], 0, said["attributes"] & 0xFFFFFFFF, said["offset"]]
        fixed = struct.pack("<4s6H3L5H2L", *front, 0, 0x5A21, *sums, *lengths, *place)
        return bytes(fixed + said["name"] + said["extra"] + said["comment"])


def make_zip(
    *entries: Entry,
    front: bytes = b"",
    gap: bytes = b"",
    listed: bytes = b"",
    comment: bytes = b"",
    behind: bytes = b"",
    shift: int = 0,
    wide: dict[str, Any] | None = None,
    end: dict[str, Any] | None = None,
) -> bytes:
    """A zip; `front`, `gap`, `listed` and `behind` is what has no business there, `shift` is added to all offsets."""
    body, directory = bytearray(front), bytearray()
    for entry in entries:
        body += entry.before
        directory += entry.central_part(len(body) - len(front) + shift)
        body += entry.local_part()
    body += gap
    directory += listed
    start = len(body) - len(front) + shift
    said = {
        "disk": 0,
        "start_disk": 0,
        "here": len(entries),
        "all": len(entries),
        "bytes": len(directory),
        "start": start,
    }
    blocks = b"" if wide is None else _wide_end(said | wide, len(body) + len(directory))
    said |= end or {}
    last = struct.pack("<4s4H2LH", b"PK\5\6", *said.values(), len(comment))
    return bytes(body + directory) + blocks + last + comment + behind


def _wide_end(said: dict[str, Any], at: int) -> bytes:
    """The larger end block and its locator; `mark`, `length`, `at`, `disks` may be overwritten too."""
    numbers = [said[key] for key in ("disk", "start_disk", "here", "all", "bytes", "start")]
    block = struct.pack("<4sQ2H2L4Q", said.get("mark", b"PK\6\6"), said.get("length", 44), 45, 45, *numbers)
    return block + struct.pack("<4sLQL", b"PK\6\7", 0, said.get("at", at), said.get("disks", 1))


def extra_field(number: int, content: bytes) -> bytes:
    return struct.pack("<2H", number, len(content)) + content


def described(content: bytes, *, mark: bytes = b"PK\7\x08", crc: int | None = None, form: str = "<3L") -> bytes:
    """What stands behind a content whose sizes were not known before."""
    sums = (zlib.crc32(content) if crc is None else crc, len(deflate(content)), len(content))
    return mark + struct.pack(form, *sums)
