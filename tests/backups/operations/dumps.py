"""Dumps in custom format made by hand, in which every entry may say anything."""

import struct
from dataclasses import dataclass, field

PRE, DATA, POST = 2, 3, 4
POSITION_SET, NO_DATA = 2, 3
BLOCK_OF_DATA, BLOCK_OF_BLOBS = 1, 3


@dataclass
class Entry:
    """One entry of the list: `sql` is run as it stands; `rows` are a table's, one line each."""

    sql: str = ""
    kind: str = "TABLE"
    tag: str = "orders"
    schema: str | None = "public"
    section: int = PRE
    owner: str = "somebody"
    copy: str | None = None
    rows: list[str] | None = None
    needs: list[int] = field(default_factory=list)


def table(columns: str = "id int", name: str = "orders") -> Entry:
    return Entry(f"CREATE TABLE public.{name} ({columns});\n", tag=name)


def rows_of(*rows: str, name: str = "orders", after: int = 1) -> Entry:
    """The rows of a table that is entry number `after`."""
    copy = f"COPY public.{name} FROM stdin;\n"
    return Entry("", "TABLE DATA", name, section=DATA, copy=copy, rows=list(rows), needs=[after])


def run(
    sql: str, kind: str = "FUNCTION", tag: str = "f()", section: int = POST, schema: str | None = "public"
) -> Entry:
    """Statements that an entry of another name hides."""
    return Entry(sql, kind, tag, schema, section)


def make_dump(
    *entries: Entry, version: tuple[int, int] = (1, 14), database: str = "shop", server: str = "17.10"
) -> bytes:
    """A whole dump, not compressed."""
    head = b"PGDMP" + bytes([*version, 0, 4, 8, 1])
    head += b"\0" if version >= (1, 15) else _int(0)
    head += b"".join(map(_int, (0, 0, 12, 25, 10, 126, 0))) + _text(database) + _text(server) + _text(server)
    bodies = [_body(number, entry) for number, entry in enumerate(entries, 1)]
    start = len(head) + len(_toc(entries, [0] * len(entries), version))
    places = [start + sum(map(len, bodies[:number])) for number in range(len(bodies))]
    return head + _toc(entries, places, version) + b"".join(bodies)


def _toc(entries: tuple[Entry, ...], places: list[int], version: tuple[int, int]) -> bytes:
    lines = (_entry(number, entry, places[number - 1], version) for number, entry in enumerate(entries, 1))
    return _int(len(entries)) + b"".join(lines)


def _entry(number: int, entry: Entry, place: int, version: tuple[int, int]) -> bytes:
    texts = (entry.sql, "", entry.copy, entry.schema, None, None)
    said = _int(number) + _int(int(entry.rows is not None)) + _text("1259") + _text(str(16_000 + number))
    said += _text(entry.tag) + _text(entry.kind) + _int(entry.section) + b"".join(map(_text, texts))
    said += _int(0) if version >= (1, 16) else b""
    said += _text(entry.owner) + _text("false") + b"".join(_text(str(need)) for need in entry.needs) + _text(None)
    return said + bytes([NO_DATA if entry.rows is None else POSITION_SET]) + struct.pack("<Q", place)


def _body(number: int, entry: Entry) -> bytes:
    if entry.rows is None:
        return b""
    content = "".join(f"{row}\n" for row in entry.rows).encode()
    return bytes([BLOCK_OF_DATA]) + _int(number) + _int(len(content)) + content + _int(0)


def _int(number: int) -> bytes:
    return bytes([number < 0]) + struct.pack("<I", abs(number))


def _text(text: str | None) -> bytes:
    if text is None:
        return _int(-1)
    content = text.encode()
    return _int(len(content)) + content
