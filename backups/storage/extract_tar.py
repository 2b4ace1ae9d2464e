"""Reads a tar from its first block to its last: ustar, pax and GNU's long names; the end mark has to be there."""

from collections.abc import Iterator
from dataclasses import dataclass

from .extract_refusals import refusal
from .extract_stream import Member, Stream, Tally, exhaust
from .extract_tar_header import BLOCK, Header, read_header, read_records

LONGEST_RECORDS = 1 << 20
LONGEST_PADDING = 1 << 20  # tapes are written in whole records
KINDS = {
    b"1": "link",
    b"2": "link",
    b"3": "device",
    b"4": "device",
    b"6": "pipe",
    b"S": "sparse",
}
FILE, OLD_FILE, FOLDER = b"0", b"\0", b"5"
LONG_NAME, LONG_LINK, RECORDS, RECORDS_FOR_ALL = b"L", b"K", b"x", b"g"
BEFORE = (LONG_NAME, LONG_LINK, RECORDS, RECORDS_FOR_ALL)
EMPTY = bytes(BLOCK)


@dataclass
class Ahead:
    """What was said before a member's own header."""

    path: bytes | None = None
    size: int | None = None
    kinds: bytes = b""


def tar_members(stream: Stream, tally: Tally) -> Iterator[Member]:
    """Every member in turn. The stream has to stand at its beginning and stands at its end afterwards.

    Raises: UploadRefused for whatever is not exactly as a tar has to be.
    """
    ahead = Ahead()
    while (block := _header_block(stream)) != EMPTY:
        header = read_header(block)
        if header.kind in BEFORE:
            _read_ahead(stream, tally, header, ahead)
            continue
        tally.meet_entry()
        yield from _read(stream, tally, header, ahead)
        ahead = Ahead()
    if ahead.kinds:
        raise refusal("no-end")
    _check_end(stream)


def _header_block(stream: Stream) -> bytes:
    if stream.is_at_end():
        raise refusal("no-end")
    return stream.take(BLOCK)


def _check_end(stream: Stream) -> None:
    """A second empty block, then nothing but zeros up to the end, in whole blocks."""
    if _header_block(stream) != EMPTY:
        raise refusal("junk-inside")
    end = stream.position
    for block in iter(stream.next_block, b""):
        if block.strip(b"\0") or stream.position - end > LONGEST_PADDING:
            raise refusal("junk-after")
    if stream.position % BLOCK:
        raise refusal("truncated")


def _read_ahead(stream: Stream, tally: Tally, header: Header, ahead: Ahead) -> None:
    if header.size > LONGEST_RECORDS or header.kind in ahead.kinds:
        raise refusal("malformed", header.name)
    ahead.kinds += header.kind
    content = stream.take(header.size)
    _pass_padding(stream, header.size)
    if header.kind == RECORDS_FOR_ALL:
        tally.meet_entry()
        if {b"path", b"size", b"linkpath"} & set(read_records(content, header.name)):
            raise refusal("global-names")
        return
    if header.kind == RECORDS:
        records = read_records(content, header.name)
        ahead.size = _size(records.get(b"size"), header)
        content = records.get(b"path", b"")
    if header.kind == LONG_NAME or (header.kind == RECORDS and content):
        if ahead.path is not None:
            raise refusal("name-differs", header.name)
        ahead.path = _long_name(content) if header.kind == LONG_NAME else content


def _long_name(content: bytes) -> bytes:
    name, _, rest = content.partition(b"\0")
    if rest.strip(b"\0") or not name:
        raise refusal("malformed", name)
    return name


def _size(said: bytes | None, header: Header) -> int | None:
    if said is None:
        return None
    if not said.isdigit() or len(said) > 19:
        raise refusal("malformed", header.name)
    return int(said)


def _read(stream: Stream, tally: Tally, header: Header, ahead: Ahead) -> Iterator[Member]:
    name = header.name if ahead.path is None else ahead.path
    if header.kind not in (FILE, OLD_FILE, FOLDER):
        raise refusal(KINDS.get(header.kind, "member-kind"), name)
    if LONG_LINK in ahead.kinds:
        raise refusal("malformed", name)
    size = header.size if ahead.size is None else ahead.size
    if size != header.size and (header.size or size < 8 << 30):
        raise refusal("headers-differ", name)  # readers that believe the one or the other see different files
    is_folder = header.kind == FOLDER
    is_unclear = header.kind == OLD_FILE and header.name.endswith(b"/")  # a folder, before there was a kind for them
    if (is_folder and size) or (not is_folder and name.endswith(b"/")) or is_unclear:
        raise refusal("file-and-folder", name)
    tally.expect_content(size)
    content = stream.blocks(size)
    yield Member(name, is_folder, size, content)
    exhaust(content)
    _pass_padding(stream, size)


def _pass_padding(stream: Stream, size: int) -> None:
    stream.pass_over(-size % BLOCK)
