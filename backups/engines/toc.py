"""A dump's own list of contents, as pg_restore tells it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from environments.programs import Program, ProgramFailed

from ..errors import DumpIncomplete
from .tools import Tools

LONGEST = 64 << 20
# A comment on an extension needs its owner; event triggers and the like need a superuser, or reach beyond the database.
EXTENSION_COMMENT = re.compile(r"^\d+; \d+ \d+ COMMENT - EXTENSION ")
NEVER_LOADED = ("EVENT TRIGGER", "SERVER", "USER MAPPING", "FOREIGN DATA WRAPPER", "PUBLICATION", "SUBSCRIPTION")
GRANTS = ("ACL", "DEFAULT ACL", "ACL LANGUAGE")


@dataclass(frozen=True)
class Toc:
    """The entries as they stand in the list, and what is read from them."""

    lines: tuple[str, ...]
    archive_version: str = ""
    dumped_from: str = ""
    extensions: tuple[str, ...] = field(default=())
    languages: tuple[str, ...] = field(default=())

    def kinds(self) -> dict[str, int]:
        """How many entries there are of each kind."""
        found: dict[str, int] = {}
        for line in self.lines:
            kind = kind_of(line)
            found[kind] = found.get(kind, 0) + 1
        return found

    @property
    def tables(self) -> int:
        return self.kinds().get("TABLE", 0)

    def loadable(self) -> list[str]:
        """The entries that are loaded: without what only a superuser may make, and without grants."""
        return [line for line in self.lines if not is_left_out(line) and kind_of(line) not in GRANTS]

    def left_out(self) -> list[str]:
        """What is not loaded, in words."""
        return [line.split(" ", 3)[3] for line in self.lines if is_left_out(line) and not EXTENSION_COMMENT.match(line)]

    def grants(self) -> list[str]:
        return [line for line in self.lines if kind_of(line) in GRANTS]


def kind_of(line: str) -> str:
    """The kind of an entry: TABLE, TABLE DATA, ACL, … It is written in capitals, then comes the schema or a dash."""
    words = line.split(" ")[3:]
    kind: list[str] = []
    for word in words:
        longer = " ".join([*kind, word])
        if not word.isupper() or (kind and longer not in LONG_KINDS and longer not in OPEN):
            break
        kind.append(word)
    return " ".join(kind)


LONG_KINDS = {
    "TABLE DATA", "TABLE ATTACH", "SEQUENCE SET", "SEQUENCE OWNED BY", "MATERIALIZED VIEW", "MATERIALIZED VIEW DATA",
    "EVENT TRIGGER", "USER MAPPING", "FOREIGN DATA WRAPPER", "FOREIGN TABLE", "FK CONSTRAINT", "CHECK CONSTRAINT",
    "DEFAULT ACL", "BLOB METADATA", "ROW SECURITY", "INDEX ATTACH", "TEXT SEARCH CONFIGURATION", "OPERATOR CLASS",
    "TEXT SEARCH DICTIONARY", "TEXT SEARCH PARSER", "TEXT SEARCH TEMPLATE", "OPERATOR FAMILY", "ACCESS METHOD",
    "PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA", "SUBSCRIPTION TABLE", "SHELL TYPE", "PROCEDURAL LANGUAGE",
    "DATABASE PROPERTIES", "SECURITY LABEL", "STATISTICS DATA",
}  # fmt: skip
OPEN = {long.rsplit(" ", count)[0] for long in LONG_KINDS for count in (1, 2, 3)}


def is_left_out(line: str) -> bool:
    """Whether an entry is never loaded."""
    return kind_of(line).startswith(NEVER_LOADED) or bool(EXTENSION_COMMENT.match(line))


def read_toc(dump: Path, tools: Tools, *, beat: Callable[[], None] = lambda: None) -> Toc:
    """Read the list of a custom-format dump. It says nothing of whether the dump is complete.

    Raises:
        DumpIncomplete: pg_restore cannot even read the list.
    """
    said = bytearray()
    with Program([tools.path("pg_restore"), "--list", str(dump)], environ={"LC_ALL": "C.UTF-8"}) as program:
        for chunk in program.stream():
            said += chunk
            beat()
            if len(said) > LONGEST:
                raise DumpIncomplete("The dump's list of contents is longer than any real one. Nothing was changed.")
        try:
            program.check()
        except ProgramFailed as failure:
            raise DumpIncomplete(
                f"The dump's list of contents cannot be read: {failure.last_words} Nothing was changed."
            ) from None
    return parse_toc(said.decode(errors="surrogateescape"))


def parse_toc(text: str) -> Toc:
    """What `pg_restore --list` printed."""
    heads = dict(re.findall(r"^;\s+(Dump Version|Dumped from database version): (\S+)", text, re.MULTILINE))
    lines = tuple(line for line in text.split("\n") if line[:1].isdigit())
    extensions = tuple(line.split(" ")[5] for line in lines if kind_of(line) == "EXTENSION")
    languages = tuple(line.split(" ")[5] for line in lines if kind_of(line) == "PROCEDURAL LANGUAGE")
    return Toc(
        lines, heads.get("Dump Version", ""), heads.get("Dumped from database version", ""), extensions, languages
    )
