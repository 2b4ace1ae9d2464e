"""Reads a zip from its first byte to its last: entries in the order of its directory, without gap or overlap."""

import zlib
from collections.abc import Iterable, Iterator

from .extract_gzip import inflate
from .extract_refusals import refusal
from .extract_stream import Member, Source, Span, Tally, exhaust
from .extract_zip_end import find_directory
from .extract_zip_entries import DEFLATED, Entry, check_descriptor, check_local, read_central


def zip_members(source: Source, tally: Tally) -> Iterator[Member]:
    """Every entry in turn. The source has to stand at its beginning and stands at its end afterwards.

    Raises: UploadRefused for whatever is not exactly as a zip has to be.
    """
    directory = find_directory(source)
    tally.expect_entries(directory.entries)
    span = Span(source, directory.start, directory.stop)
    for entry, stop in _with_stops(span, directory.entries, directory.start):
        tally.meet_entry()
        yield from _read(source, tally, entry, stop)
    if span.position != directory.stop - directory.start:
        raise refusal("malformed")
    if source.position != directory.start:
        raise refusal("junk-before")
    exhaust(iter(source.next_block, b""))


def _with_stops(span: Span, count: int, directory_start: int) -> Iterator[tuple[Entry, int]]:
    """Each entry with the place at which the next one begins."""
    entry = read_central(span) if count else None
    for left in range(count - 1, -1, -1):
        following = read_central(span) if left else None
        assert entry
        yield entry, following.offset if following else directory_start
        entry = following


def _read(source: Source, tally: Tally, entry: Entry, stop: int) -> Iterator[Member]:
    if entry.offset != source.position:
        behind = "junk-inside" if source.position else "junk-before"
        raise refusal(behind if entry.offset > source.position else "overlap", entry.name)
    check_local(source, entry)
    gap = stop - source.position - entry.packed
    if gap < 0:
        raise refusal("overlap", entry.name)
    tally.expect_content(entry.size)
    content = _checked(_unpacked(source, tally, entry), entry)
    yield Member(entry.name, entry.is_folder, entry.size, content)
    exhaust(content)
    check_descriptor(source, entry, gap)


def _unpacked(source: Source, tally: Tally, entry: Entry) -> Iterator[bytes]:
    packed = source.blocks(entry.packed)
    return inflate(packed, entry.name, tally) if entry.method == DEFLATED else packed


def _checked(pieces: Iterable[bytes], entry: Entry) -> Iterator[bytes]:
    crc = length = 0
    for piece in pieces:
        crc, length = zlib.crc32(piece, crc), length + len(piece)
        if length > entry.size:
            raise refusal("wrong-size", entry.name)
        yield piece
    if length != entry.size:
        raise refusal("wrong-size", entry.name)
    if crc != entry.crc:
        raise refusal("wrong-crc", entry.name)
