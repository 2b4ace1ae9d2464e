"""Tars and gzipped tars that have to be refused, each with the code of its refusal."""

import random

from .hostile import NAMES, PAIRS, Hostile
from .tars import BLOCK, END, GNU, file, folder, gzip, header, long_name, records, summed
from .zips import Entry, make_zip

ONE, TWO = file(), file(b"b.txt", b"other")
GOOD = ONE + TWO + END
PACKED = gzip(GOOD)
FOR_ALL = records({b"comment": b""}, b"g")
BROKEN = gzip(file(b"random", random.Random(1).randbytes(9_000)) + END)[:5_000] + b"\xff" * 5_000
BOMB = gzip(file(b"zeros", bytes(4 << 20)) + END)


def _named(name: bytes) -> bytes:
    """By a pax record where the name is long; a folder where it ends in a slash."""
    if len(name) > 100:
        return records({b"path": name}) + ONE
    return folder(name) if name.endswith(b"/") else file(name)


def _linked(kind: bytes, target: bytes = b"../../outside.txt") -> bytes:
    return header(b"l", 0, kind, link=target) + END


def _chain() -> bytes:
    """Links through links up to more than a path may be long, then a file through them all."""
    step = b"d" * 247
    made = b"".join(folder(step) + header(letter, 0, b"2", link=step) for letter in (b"a", b"b", b"c"))
    return made + header(b"escape", 0, b"2", link=b"a/b/c/../../../..") + file(b"escape/outside.txt", b"evil") + END


HOSTILE_NAMES = [Hostile(f"tar: a name that {title}", code, _named(name) + END) for title, code, name in NAMES]
HOSTILE_PAIRS = [
    Hostile(f"tar: a name {title}", code, _named(one) + _named(two) + END) for title, code, one, two in PAIRS
]
KINDS = [
    Hostile("tar: a link", "link", _linked(b"2")),
    Hostile("tar: a hard link", "link", _linked(b"1")),
    Hostile("tar: a link to nothing bad", "link", ONE + _linked(b"2", b"a.txt")),
    Hostile("tar: a link and a file through it", "link", header(b"l", 0, b"2", link=b"/tmp") + file(b"l/a") + END),
    Hostile("tar: a link to a hard link", "link", _linked(b"1", b"a") + header(b"a", 0, b"2", link=b"/") + END),
    Hostile("tar: a chain of links", "link", _chain()),
    Hostile("tar: a long link", "link", long_name(b"x" * 300, b"K") + _linked(b"2")),
    Hostile("tar: a link by a record", "link", records({b"linkpath": b"/etc/passwd"}) + _linked(b"2")),
    Hostile("tar: a character device", "device", _linked(b"3")),
    Hostile("tar: a block device", "device", _linked(b"4")),
    Hostile("tar: a pipe", "pipe", _linked(b"6")),
    Hostile("tar: a sparse file of GNU", "sparse", file(kind=b"S", magic=GNU) + END),
    Hostile("tar: a sparse file by records", "sparse", records({b"GNU.sparse.major": b"1"}) + ONE + END),
    Hostile("tar: a sparse file of star", "sparse", records({b"SCHILY.realsize": b"99"}) + ONE + END),
    *(
        Hostile(f"tar: a member of kind {kind!r}", "member-kind", file(kind=kind) + END)
        for kind in (b"7", b"V", b"M", b"D", b"Z")
    ),
    Hostile("tar: a folder with content", "file-and-folder", file(b"d/", kind=b"5") + END),
    Hostile("tar: a file with a slash", "file-and-folder", file(b"d/") + END),
    Hostile("tar: an old file with a slash", "file-and-folder", file(b"d/", b"", kind=b"\0") + END),
    Hostile("tar: a folder twice after what is in it", "duplicate", file(b"d/a") + folder() + folder() + END),
    Hostile("tar: no name", "name-empty", file(b"") + END),
    Hostile("tar: nothing", "empty", END, is_told_late=True),
    Hostile("tar: only folders", "empty", folder() + END, is_told_late=True),
    Hostile("tar: a prefix that climbs", "name-climbs", file(b"a.txt", prefix=b"..") + END),
]
RECORDS = [
    Hostile("tar: a record's path climbs", "name-climbs", records({b"path": b"../x"}) + ONE + END),
    Hostile("tar: a record's path with a NUL", "name-control", records({b"path": b"a\0b"}) + ONE + END),
    Hostile("tar: a long name climbs", "name-climbs", long_name(b"../" * 50 + b"x") + ONE + END),
    Hostile("tar: two long names", "name-differs", long_name(b"x") + records({b"path": b"y"}) + ONE + END),
    Hostile("tar: records twice", "malformed", records({b"path": b"x"}) * 2 + ONE + END),
    Hostile("tar: a record twice", "malformed", records({b"path": b"x"} | {b"a": b"b"})[:BLOCK] + bytes(BLOCK) + END),
    Hostile("tar: two paths in one", "malformed", records(b"9 path=x\n9 path=y\n") + ONE + END),
    Hostile("tar: a record without a length", "malformed", records(b"path=x\n") + ONE + END),
    Hostile("tar: a record longer than there is", "malformed", records(b"99 path=x\n") + ONE + END),
    Hostile("tar: a record of no length", "malformed", records(b"0 path=x\n") + ONE + END),
    Hostile("tar: a record without its line end", "malformed", records(b"9 path=xy") + ONE + END),
    Hostile("tar: a record without a value", "malformed", records(b"7 path\n") + ONE + END),
    Hostile("tar: a size in letters", "malformed", records({b"size": b"five"}) + ONE + END),
    Hostile("tar: two sizes", "headers-differ", records({b"size": b"1024"}) + ONE + END),
    Hostile("tar: a size by record and none", "headers-differ", records({b"size": b"512"}) + header() + ONE + END),
    Hostile("tar: a path for all", "global-names", records({b"path": b"x"}, b"g") + ONE + END),
    Hostile("tar: a size for all", "global-names", records({b"size": b"0"}, b"g") + ONE + END),
    Hostile("tar: too long records", "malformed", records({b"comment": bytes(1 << 20)}) + ONE + END),
    Hostile("tar: a long link before a file", "malformed", long_name(b"x", b"K") + ONE + END),
    Hostile("tar: a long name with more behind", "malformed", file(b"L", b"a\0b\0", kind=b"L") + ONE + END),
    Hostile("tar: records for all twice", "malformed", FOR_ALL * 2 + GOOD),
    Hostile("tar: records for all and no member", "no-end", ONE + FOR_ALL + END),
    Hostile("tar: a mode in letters", "malformed", summed(ONE.replace(b"0000644", b"0000abc")) + END),
    Hostile(
        "tar: an old folder that is renamed", "file-and-folder", long_name(b"x") + file(b"d/", b"", kind=b"\0") + END
    ),
    Hostile("tar: a name and no member", "no-end", long_name(b"x") + END),
]
LIES = [
    Hostile("tar: a wrong sum", "malformed", ONE + header(b"b.txt", sum_off=1) + END),
    Hostile("tar: a size that is no number", "malformed", header(size=b"00000000009\0") + END),
    Hostile("tar: no size", "malformed", header(size=b"") + END),
    Hostile("tar: a size below nothing", "malformed", header(size=b"\xff" * 12) + END),
    Hostile("tar: a size beyond the file", "truncated", header(size=1 << 20) + END),
    Hostile("tar: a size beyond all", "too-large", header(size=b"\x80" + b"\xff" * 11) + END),
    Hostile("tar: an old form", "old-tar", file(magic=b"") + END),
    Hostile("tar: an old form in the middle", "old-tar", ONE + file(b"b", magic=b"") + END),
    Hostile("tar: cut between members", "no-end", ONE + TWO),
    Hostile("tar: cut after one empty block", "no-end", ONE + END[:BLOCK]),
    Hostile("tar: one empty block in the middle", "junk-inside", ONE + END[:BLOCK] + TWO + END),
    Hostile("tar: a member behind the end", "junk-after", ONE + END + TWO + END),
    Hostile("tar: a zip behind the end", "junk-after", GOOD + make_zip(Entry())),
    Hostile("tar: nothing but zeros", "junk-after", bytes(2 << 20)),
    Hostile("tar: no whole blocks", "truncated", GOOD + b"\0"),
    Hostile("tar.gz: a wrong checksum", "wrong-crc", gzip(GOOD, crc=1)),
    Hostile("tar.gz: a wrong length", "wrong-size", gzip(GOOD, size=1)),
    Hostile("tar.gz: no checksum", "truncated", PACKED[:-8]),
    Hostile("tar.gz: half a checksum", "truncated", PACKED[:-5]),
    Hostile("tar.gz: junk behind", "junk-after", PACKED + b"\0"),
    Hostile("tar.gz: another one behind", "several-gzips", PACKED + PACKED),
    Hostile("tar.gz: in two pieces", "several-gzips", gzip(GOOD[: BLOCK * 2]) + gzip(GOOD[BLOCK * 2 :])),
    Hostile("tar.gz: a zip behind", "junk-after", PACKED + make_zip(Entry())),
    Hostile("tar.gz: unknown flags", "not-an-archive", gzip(GOOD, flags=0x20)),
    Hostile("tar.gz: a wrong sum of the header", "not-an-archive", gzip(GOOD, flags=2, fields=b"\0\0")),
    Hostile("tar.gz: a name without an end", "not-an-archive", gzip(GOOD, flags=8, fields=b"x" * (70 << 10))),
    Hostile("tar.gz: a cut tar inside", "no-end", gzip(ONE + TWO)),
    Hostile("tar.gz: broken inside", "broken", BROKEN),
]
LIMITS = [
    Hostile("tar.gz: a bomb", "ratio", BOMB, {"ratio_from_bytes": 1 << 20}),
    Hostile(
        "tar.gz: zeros behind the end",
        "ratio",
        gzip(GOOD + bytes(4 << 20)),
        {"ratio_from_bytes": 1 << 20},
    ),
    Hostile(
        "tar.gz: a bomb of records",
        "ratio",
        gzip((records({b"comment": bytes(1 << 19)}, b"g") + ONE) * 8 + END),
        {"ratio_from_bytes": 1 << 20},
    ),
    Hostile("tar.gz: larger than the room", "too-large", BOMB, {"unpacked_bytes": (4 << 20) - 1}),
    Hostile(
        "tar: too many members", "too-many-entries", b"".join(file(b"%d" % n) for n in range(9)) + END, {"entries": 8}
    ),
    Hostile(
        "tar: too many records for all",
        "too-many-entries",
        (records({b"comment": b""}, b"g") + ONE) * 2 + END,
        {"entries": 2},
    ),
]
HOSTILE_TARS = [*HOSTILE_NAMES, *HOSTILE_PAIRS, *KINDS, *RECORDS, *LIES, *LIMITS]
