"""A dump's own list of contents, as pg_restore tells it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from environments.programs import Program, ProgramFailed

from ..errors import DumpIncomplete, DumpTooNew
from .sandbox import confined
from .tools import Tools

LONGEST = 64 << 20
# What reaches beyond the database, or needs a superuser. Foreign tables want their servers before them.
SERVERS = ("FOREIGN DATA WRAPPER", "SERVER", "USER MAPPING")
WATCHERS = ("EVENT TRIGGER", "PUBLICATION")
# Put back, it could not be dropped with its database, and two of a name would quarrel about one slot.
NEVER_LOADED = ("SUBSCRIPTION",)
BEYOND = (*SERVERS, *WATCHERS, *NEVER_LOADED)
# A comment on an extension needs its owner.
COMMENT = re.compile(rf"^\d+; \d+ \d+ COMMENT - (EXTENSION|{'|'.join(BEYOND)}) ")
FIRST = ("EXTENSION", "SCHEMA")
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

    def table_names(self) -> set[str]:
        """Schema and name of every table, as `schema name`."""
        return {" ".join(line.split(" ")[4:-1]) for line in self.lines if kind_of(line) == "TABLE"}

    def names_of(self, kind: str) -> list[str]:
        """What there is of a kind, by name; with the schema where it has one."""
        found = [line.split(" ")[3 + kind.count(" ") + 1 : -1] for line in self.lines if kind_of(line) == kind]
        return [" ".join(name) if schema == "-" else f"{schema}.{' '.join(name)}" for schema, *name in found]

    def loadable(self) -> list[str]:
        """What every load brings: without what reaches beyond the database, and without grants."""
        return [line for line in self.lines if not subject_of(line) and kind_of(line) not in GRANTS]

    def servers(self) -> list[str]:
        """Foreign servers and who logs in there: only of own backups, before the tables that need them."""
        return [line for line in self.lines if subject_of(line).startswith(SERVERS)]

    def watchers(self) -> list[str]:
        """Event triggers and publications: only of own backups, after everything they watch."""
        return [line for line in self.lines if subject_of(line).startswith(WATCHERS)]

    def left_out(self, *, is_untrusted: bool = True) -> list[str]:
        """What is not loaded, in words; of an uploaded dump that is everything that reaches beyond."""
        kinds = BEYOND if is_untrusted else NEVER_LOADED
        return [line.split(" ", 3)[3] for line in self.lines if kind_of(line).startswith(kinds)]

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


def subject_of(line: str) -> str:
    """The kind of what an entry is, or comments on, where it is not loaded with everything else; else empty."""
    if found := COMMENT.match(line):
        return found[1]
    kind = kind_of(line)
    return kind if kind.startswith(BEYOND) else ""


def read_toc(dump: Path, tools: Tools, *, beat: Callable[[], None] = lambda: None) -> Toc:
    """Read the list of a custom-format dump. It says nothing of whether the dump is complete.

    Raises:
        DumpIncomplete: pg_restore cannot even read the list.
    """
    said = bytearray()
    with Program(
        [tools.path("pg_restore"), "--list", str(dump)], environ={"LC_ALL": "C.UTF-8"}, confined=confined()
    ) as program:
        for chunk in program.stream():
            said += chunk
            beat()
            if len(said) > LONGEST:
                raise DumpIncomplete("The dump's list of contents is longer than any real one. Nothing was changed.")
        try:
            program.check()
        except ProgramFailed as failure:
            raise _unread(failure, tools) from None
    return parse_toc(said.decode(errors="surrogateescape"))


def _unread(failure: ProgramFailed, tools: Tools) -> DumpIncomplete:
    if found := re.search(r"unsupported version \((\S+?)\) in file header", failure.last_words):
        return DumpTooNew(
            f"The dump was made by a newer pg_dump than the portal has: its format is {found[1]}, which pg_restore "
            f"{tools.version} does not read. Nothing was changed. Install newer PostgreSQL programs on the portal's "
            "machine."
        )
    said = (failure.last_words.splitlines() or ["it said nothing"])[0].removeprefix("pg_restore: error: ")
    return DumpIncomplete(f"The dump's list of contents cannot be read ({said[:300]}). Nothing was changed.")


def parse_toc(text: str) -> Toc:
    """What `pg_restore --list` printed."""
    heads = dict(re.findall(r"^;\s+(Dump Version|Dumped from database version): (\S+)", text, re.MULTILINE))
    lines = tuple(line for line in text.split("\n") if line[:1].isdigit())
    listed = Toc(lines, heads.get("Dump Version", ""), heads.get("Dumped from database version", ""))
    extensions, languages = (tuple(listed.names_of(kind)) for kind in ("EXTENSION", "PROCEDURAL LANGUAGE"))
    return replace(listed, extensions=extensions, languages=languages)
