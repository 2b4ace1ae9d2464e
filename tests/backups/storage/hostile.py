"""One archive that has to be refused, and the looks of a name in it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Hostile:
    """`limits` differ from the usual ones; `is_told_late` when only the whole archive tells, not the unpacking."""

    title: str
    code: str
    content: bytes
    limits: dict[str, Any] = field(default_factory=dict)
    is_told_late: bool = False

    def __str__(self) -> str:
        return self.title


# Names that no archive may bring, with the code of each: for zip and tar alike.
NAMES: list[tuple[str, str, bytes]] = [
    ("climbs", "name-climbs", b"../a.txt"),
    ("climbs in the middle", "name-climbs", b"a/../../a.txt"),
    ("climbs and comes back", "name-climbs", b"a/../b.txt"),
    ("ends in two dots", "name-climbs", b"a/.."),
    ("climbs after a dot", "name-climbs", b"./../a.txt"),
    ("climbs in wide letters", "name-climbs", "．．/a.txt".encode()),
    ("climbs by one letter of two dots", "name-climbs", "a/‥/b.txt".encode()),
    ("climbs by wide slashes", "name-climbs", "..／a.txt".encode()),
    ("begins at the root", "name-absolute", b"/etc/cron.d/evil"),
    ("begins with two slashes", "name-absolute", b"//server/share"),
    ("begins at the root after a dot", "name-absolute", b".//a.txt"),
    ("begins with a drive", "name-drive", b"C:/Windows/evil.txt"),
    ("begins with a drive alone", "name-drive", b"c:evil.txt"),
    ("has backslashes", "name-backslash", b"..\\..\\evil.txt"),
    ("begins with a server", "name-backslash", b"\\\\server\\share"),
    ("has a line break", "name-control", b"a\n.txt"),
    ("has an escape", "name-control", b"\x1b[2Ja.txt"),
    ("has a delete", "name-control", b"a\x7f.txt"),
    ("has a control character of C1", "name-control", "a\x9b.txt".encode()),
    ("has a line separator", "name-control", "a\u2028b.txt".encode()),
    ("is Latin-1", "name-encoding", "ä.txt".encode("latin-1")),
    ("is overlong UTF-8", "name-encoding", b"\xc0\xae\xc0\xae/a.txt"),
    ("holds half a surrogate pair", "name-encoding", b"\xed\xa0\x80.txt"),
    ("has an empty part", "name-unclear", b"a//b.txt"),
    ("has a dot as a part", "name-unclear", b"a/./b.txt"),
    ("ends in a dot as a part", "name-unclear", b"a/."),
    ("has a long part", "part-too-long", b"x" * 256),
    ("has a long part in few letters", "part-too-long", "ä".encode() * 128),
    ("is a long path", "path-too-long", b"/".join([b"x" * 200] * 21)),
    ("is deep", "too-deep", b"/".join([b"x"] * 65)),
]

# Two names that may not stand together.
PAIRS: list[tuple[str, str, bytes, bytes]] = [
    ("twice", "duplicate", b"a.txt", b"a.txt"),
    ("twice, once with a dot", "duplicate", b"d/a.txt", b"./d/a.txt"),
    ("a folder twice", "duplicate", b"d/", b"d/"),
    ("a file, then a folder", "file-and-folder", b"a", b"a/"),
    ("a folder, then a file", "file-and-folder", b"a/", b"a"),
    ("a file, then something in it", "file-and-folder", b"a", b"a/b/c"),
    ("something in it, then a file", "file-and-folder", b"a/b/c", b"a/b"),
    ("in capitals", "case-clash", b"a.txt", b"A.TXT"),
    ("in capitals with accents", "case-clash", "ä.txt".encode(), "Ä.txt".encode()),
    ("a folder in capitals", "case-clash", b"docs/a.txt", b"Docs/b.txt"),
    ("a file and a folder in capitals", "case-clash", b"docs", b"Docs/b.txt"),
    ("by case folding", "case-clash", "Straße".encode(), b"STRASSE"),
    ("accents in two ways", "case-clash", "é.txt".encode(), "e\u0301.txt".encode()),
]
