"""Zips that have to be refused, each with the code of its refusal."""

import struct
import zlib

from .hostile import NAMES, PAIRS, Hostile
from .zips import DESCRIBED, FOLDER, Entry, deflate, described, extra_field, make_zip

PLAIN = Entry()
CONTENT = PLAIN.content
OTHER = Entry(b"b.txt", b"other")
ZEROS = Entry(b"zeros", bytes(4 << 20))
BROKEN = Entry(both={"crc": 1})
TWO = make_zip(PLAIN, OTHER)
WIDE_END = {"here": 0xFFFF, "all": 0xFFFF, "bytes": 0xFFFFFFFF, "start": 0xFFFFFFFF}


def _wide(*numbers: int) -> bytes:
    return extra_field(1, struct.pack(f"<{len(numbers)}Q", *numbers))


def _unicode_path(name: bytes, crc_of: bytes) -> bytes:
    return extra_field(0x7075, b"\1" + zlib.crc32(crc_of).to_bytes(4, "little") + name)


def _with(number: int, content: bytes) -> Entry:
    return Entry(both={"extra": extra_field(number, content)})


def _named(name: bytes) -> Entry:
    return Entry(name, b"", 0, FOLDER) if name.endswith(b"/") else Entry(name)


def _over(entry: Entry, **central: object) -> Entry:
    return Entry(entry.name, entry.content, central=central)


def _quoting() -> bytes:
    """Two entries that share the same bytes: the first one's content is the second one, header and all."""
    inner = Entry(b"b.txt", b"x" * 40, 0)
    quoted = inner.local_part()
    outer = Entry(b"a.txt", quoted, 0)
    at = len(outer.local_part()) - len(quoted)
    body, directory = outer.local_part(), outer.central_part(0) + inner.central_part(at)
    return body + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, len(directory), len(body), 0)


HOSTILE_NAMES = [Hostile(f"zip: a name that {title}", code, make_zip(_named(name))) for title, code, name in NAMES]
HOSTILE_PAIRS = [
    Hostile(f"zip: a name {title}", code, make_zip(_named(one), _named(two))) for title, code, one, two in PAIRS
]
KINDS = [
    Hostile("zip: a link", "link", make_zip(Entry(b"l", b"/etc/passwd", mode=0o120777))),
    Hostile("zip: a link and a file through it", "link", make_zip(Entry(b"l", b"/tmp", 0, 0o120777), Entry(b"l/a"))),
    Hostile("zip: a character device", "device", make_zip(Entry(mode=0o020644))),
    Hostile("zip: a block device", "device", make_zip(Entry(mode=0o060644))),
    Hostile("zip: a pipe", "pipe", make_zip(Entry(mode=0o010644))),
    Hostile("zip: a socket", "pipe", make_zip(Entry(mode=0o140644))),
    Hostile("zip: a mode of no kind", "member-kind", make_zip(Entry(mode=0o170644))),
    Hostile(
        "zip: a link by ASi's extra",
        "link",
        make_zip(_with(0x756E, b"\0\0\0\0\xff\xa1" + bytes(12))),
    ),
    Hostile(
        "zip: a link by PKWARE's extra",
        "link",
        make_zip(_with(0x000D, bytes(12) + b"/etc")),
    ),
    Hostile("zip: a folder with content", "file-and-folder", make_zip(Entry(b"d/", mode=FOLDER))),
    Hostile("zip: a file with a slash", "file-and-folder", make_zip(Entry(b"d/", b""))),
    Hostile("zip: a folder without a slash", "file-and-folder", make_zip(Entry(b"d", b"", mode=FOLDER))),
    Hostile(
        "zip: a folder of DOS without a slash", "file-and-folder", make_zip(Entry(b"d", b"", both={"attributes": 16}))
    ),
    Hostile("zip: no name", "name-empty", make_zip(Entry(b""))),
    Hostile("zip: nothing", "empty", make_zip(), is_told_late=True),
    Hostile("zip: only folders", "empty", make_zip(_named(b"d/"), _named(b"d/e/")), is_told_late=True),
    Hostile("zip: a NUL in a name", "name-control", make_zip(Entry(b"a.txt\0.png"))),
]
PACKING = [
    Hostile("zip: encrypted", "encrypted", make_zip(Entry(flags=1))),
    Hostile("zip: strongly encrypted", "encrypted", make_zip(Entry(flags=0x41))),
    Hostile("zip: AES", "encrypted", make_zip(Entry(both={"method": 99}))),
    Hostile("zip: AES by its extra", "encrypted", make_zip(Entry(both={"extra": extra_field(0x9901, bytes(7))}))),
    Hostile("zip: a masked directory", "encrypted", make_zip(Entry(flags=1 << 13))),
    *(
        Hostile(f"zip: method {number}", "method", make_zip(Entry(both={"method": number})))
        for number in (1, 9, 12, 14, 93, 98)
    ),
    Hostile("zip: a form not yet known", "method", make_zip(Entry(both={"needed": 64}))),
    Hostile("zip: a patch", "method", make_zip(Entry(flags=32))),
    Hostile("zip: a part of several", "many-parts", make_zip(PLAIN, end={"disk": 1})),
    Hostile("zip: an entry on another part", "many-parts", make_zip(Entry(central={"disk": 1}))),
    Hostile("zip: entries on other parts", "many-parts", make_zip(PLAIN, end={"all": 2})),
    Hostile("zip: two parts by zip64", "many-parts", make_zip(PLAIN, wide={"disks": 2})),
    Hostile("zip: stored, yet of two lengths", "wrong-size", make_zip(Entry(method=0, both={"size": 5}))),
    Hostile("zip: longer than said", "wrong-size", make_zip(Entry(both={"size": 16}))),
    Hostile("zip: shorter than said", "wrong-size", make_zip(Entry(both={"size": 18}))),
    Hostile("zip: a wrong checksum", "wrong-crc", make_zip(Entry(both={"crc": 1}))),
    Hostile("zip: a wrong checksum of stored bytes", "wrong-crc", make_zip(Entry(method=0, both={"crc": 1}))),
    Hostile("zip: no Deflate", "broken", make_zip(Entry(packed=b"\xff" * 20))),
    Hostile("zip: Deflate without its end", "broken", make_zip(Entry(packed=deflate(CONTENT)[:-1]))),
    Hostile("zip: bytes behind Deflate's end", "broken", make_zip(Entry(packed=deflate(CONTENT) + b"hidden"))),
]
LIES = [
    Hostile("zip: junk before", "junk-before", make_zip(PLAIN, front=b"#!/bin/sh\n")),
    Hostile("zip: junk before that looks like a zip", "junk-before", make_zip(PLAIN, front=b"PK\3\4junk")),
    Hostile("zip: junk before, counted in", "junk-before", make_zip(PLAIN, front=b"MZ", shift=2)),
    Hostile("zip: an entry nobody lists, before", "junk-before", make_zip(Entry(before=OTHER.local_part()))),
    Hostile("zip: an entry nobody lists, behind", "junk-inside", make_zip(PLAIN, gap=OTHER.local_part())),
    Hostile(
        "zip: an entry nobody lists, between", "junk-inside", make_zip(PLAIN, Entry(b"b", before=PLAIN.local_part()))
    ),
    Hostile("zip: junk behind", "junk-after", make_zip(PLAIN, behind=b"\0")),
    Hostile("zip: another zip behind", "junk-before", TWO + TWO),
    Hostile("zip: another directory in the comment", "two-ends", make_zip(PLAIN, comment=TWO[TWO.find(b"PK\1\2") :])),
    Hostile("zip: another end in the comment", "two-ends", make_zip(PLAIN, comment=b"PK\5\6" + bytes(20))),
    Hostile("zip: no end", "no-end", TWO[: TWO.find(b"PK\5\6")]),
    Hostile("zip: half an end", "no-end", TWO[:-10]),
    Hostile("zip: half a comment", "truncated", make_zip(PLAIN, comment=b"hello")[:-1]),
    Hostile("zip: more entries than listed", "malformed", make_zip(PLAIN, OTHER, end={"here": 9, "all": 9})),
    Hostile(
        "zip: one entry more than listed", "truncated", make_zip(PLAIN, Entry(b"b" * 99), end={"here": 3, "all": 3})
    ),
    Hostile("zip: fewer entries than listed", "junk-inside", make_zip(PLAIN, OTHER, end={"here": 1, "all": 1})),
    Hostile("zip: a directory longer than the file", "malformed", make_zip(PLAIN, end={"bytes": 1 << 20})),
    Hostile("zip: a directory that begins elsewhere", "junk-before", make_zip(PLAIN, end={"start": 0})),
    Hostile("zip: something behind the last in the directory", "malformed", make_zip(PLAIN, listed=b"PK\1\2junk")),
    Hostile("zip: nothing, with something before it", "junk-before", make_zip(front=b"PK\3\4junk", shift=8)),
    Hostile("zip: no directory mark", "malformed", TWO.replace(b"PK\1\2", b"PK\1\1", 1)),
    Hostile("zip: no header mark", "headers-differ", make_zip(PLAIN, Entry(b"b", local={"mark": b"PK\3\5"}))),
    *(
        Hostile(f"zip: another {key} before the content", "headers-differ", make_zip(Entry(local={key: value})))
        for key, value in {"name": b"x.txt", "method": 0, "crc": 1, "packed": 1, "size": 1, "flags": 0}.items()
    ),
    Hostile("zip: two entries of the same bytes", "overlap", make_zip(PLAIN, _over(OTHER, offset=0))),
    Hostile("zip: an entry inside another's content", "overlap", _quoting()),
    Hostile("zip: an entry longer than the room", "overlap", make_zip(Entry(both={"packed": 1 << 20}), OTHER)),
    Hostile("zip: no descriptor", "junk-inside", make_zip(Entry(flags=DESCRIBED), OTHER)),
    Hostile("zip: half a descriptor", "junk-inside", make_zip(Entry(flags=DESCRIBED, descriptor=b"PK\7\x08"), OTHER)),
    Hostile("zip: a descriptor nobody announced", "junk-inside", make_zip(Entry(descriptor=described(CONTENT)))),
    Hostile(
        "zip: a descriptor that lies",
        "headers-differ",
        make_zip(Entry(flags=DESCRIBED, descriptor=described(CONTENT, crc=1))),
    ),
    Hostile(
        "zip: a descriptor with no mark",
        "headers-differ",
        make_zip(Entry(flags=DESCRIBED, descriptor=described(CONTENT, mark=b"ABCD"))),
    ),
    Hostile(
        "zip: a second name that lies",
        "name-differs",
        make_zip(Entry(flags=0, both={"extra": _unicode_path(b"b", b"b")})),
    ),
    Hostile(
        "zip: two names in UTF-8", "name-differs", make_zip(Entry(both={"extra": _unicode_path(b"b.txt", b"a.txt")}))
    ),
    Hostile(
        "zip: a second name that climbs",
        "name-climbs",
        make_zip(Entry(flags=0, both={"extra": _unicode_path(b"../b", b"a.txt")})),
    ),
    Hostile("zip: an extra longer than there is", "malformed", make_zip(Entry(both={"extra": b"\1\0\xff\0"}))),
    Hostile("zip: half an extra", "malformed", make_zip(Entry(both={"extra": b"\1"}))),
    Hostile("zip: zip64 twice", "malformed", make_zip(Entry(both={"extra": _wide(17, 15) * 2}))),
    Hostile(
        "zip: zip64 without the numbers", "malformed", make_zip(Entry(both={"size": 0xFFFFFFFF, "extra": _wide()}))
    ),
    Hostile("zip: zip64 with other numbers", "headers-differ", make_zip(PLAIN, wide={"all": 2, "here": 2})),
    Hostile("zip: zip64's end is none", "malformed", make_zip(PLAIN, wide={"mark": b"PK\6\5"}, end=WIDE_END)),
    Hostile("zip: zip64's end is longer", "malformed", make_zip(PLAIN, wide={"length": 45}, end=WIDE_END)),
    Hostile("zip: zip64's end is elsewhere", "junk-before", make_zip(PLAIN, wide={"at": 0}, end=WIDE_END)),
    Hostile("zip: zip64's end is behind", "malformed", make_zip(PLAIN, wide={"at": 1 << 40}, end=WIDE_END)),
]
LIMITS = [
    Hostile("zip: a bomb", "ratio", make_zip(ZEROS), {"ratio_from_bytes": 1 << 20}),
    Hostile(
        "zip: many small bombs",
        "ratio",
        make_zip(*(Entry(b"%d" % n, bytes(1 << 20)) for n in range(4))),
        {"ratio_from_bytes": 2 << 20},
    ),
    Hostile("zip: larger than the room", "too-large", make_zip(ZEROS), {"unpacked_bytes": (4 << 20) - 1}),
    Hostile(
        "zip: says to be larger than the room",
        "too-large",
        make_zip(Entry(both={"size": 1 << 30})),
        {"unpacked_bytes": 1 << 20},
    ),
    Hostile(
        "zip: too many entries",
        "too-many-entries",
        make_zip(*([BROKEN] * 9)),
        {"entries": 8},
    ),
    Hostile(
        "zip: too many folders on the way", "too-many-entries", make_zip(Entry(b"a/b/c/d/e/f/g/h")), {"entries": 7}
    ),
]
HOSTILE_ZIPS = [*HOSTILE_NAMES, *HOSTILE_PAIRS, *KINDS, *PACKING, *LIES, *LIMITS]
