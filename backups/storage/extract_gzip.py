"""Reads what gzip and Deflate pack, to the last bit, and nothing behind it."""

import zlib
from collections.abc import Iterable, Iterator

from .extract_refusals import refusal
from .extract_stream import Source, Stream, Tally

PIECE = 256 << 10
CRC_OF_HEADER, EXTRA, NAME, COMMENT, UNKNOWN = 2, 4, 8, 16, 0xE0
LONGEST_FIELD = 64 << 10


def inflate(blocks: Iterable[bytes], member: bytes, tally: Tally) -> Iterator[bytes]:
    """The content of one Deflate stream that takes up exactly these blocks. Raises: UploadRefused (broken)."""
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    for block in blocks:
        if engine.eof:
            raise refusal("broken", member)
        yield from _drain(engine, block, member, tally)
    if not engine.eof or engine.unused_data:
        raise refusal("broken", member)


def _drain(engine: "zlib._Decompress", block: bytes, member: bytes, tally: Tally) -> Iterator[bytes]:
    while True:
        try:
            piece = engine.decompress(block, PIECE)
        except zlib.error:
            raise refusal("broken", member) from None
        block = engine.unconsumed_tail
        tally.inflate(len(piece))
        if piece:
            yield piece
        if engine.eof or (not block and len(piece) < PIECE):
            return


class Gunzip(Stream):
    """The content of a file that is one gzip member and nothing else."""

    def __init__(self, source: Source, tally: Tally) -> None:
        super().__init__()
        self._source, self._tally = source, tally
        self._engine = zlib.decompressobj(-zlib.MAX_WBITS)
        self._tail, self._crc, self._length, self._is_checked = b"", 0, 0, False
        _read_header(source)

    def _more(self) -> bytes:
        piece = b""
        while not piece and not self._engine.eof:
            piece = self._inflate_some()
            if self._engine.eof:
                self._source.give_back(len(self._engine.unused_data))
        self._crc, self._length = zlib.crc32(piece, self._crc), self._length + len(piece)
        if not piece:
            self._check_end()
        return piece

    def _inflate_some(self) -> bytes:
        block = self._tail or self._source.next_block()
        try:
            piece = self._engine.decompress(block, PIECE)
        except zlib.error:
            raise refusal("broken") from None
        if not block and not piece:
            raise refusal("truncated")
        self._tail = self._engine.unconsumed_tail
        self._tally.inflate(len(piece))
        return piece

    def _check_end(self) -> None:
        if self._is_checked:
            return
        end = self._source.take(8)
        if int.from_bytes(end[:4], "little") != self._crc:
            raise refusal("wrong-crc")
        if int.from_bytes(end[4:], "little") != self._length & 0xFFFFFFFF:
            raise refusal("wrong-size")
        behind = self._source.next_block(2)
        if behind:
            raise refusal("several-gzips" if behind == b"\x1f\x8b" else "junk-after")
        self._is_checked = True


def _read_header(source: Source) -> None:
    """Pass the header. Raises: UploadRefused (malformed, wrong-crc)."""
    head = source.take(10)
    flags = head[3]
    if head[:3] != b"\x1f\x8b\x08" or flags & UNKNOWN:
        raise refusal("malformed")
    if flags & EXTRA:
        length = source.take(2)
        head += length + source.take(int.from_bytes(length, "little"))
    for flag in (NAME, COMMENT):
        if flags & flag:
            head += _text(source)
    if flags & CRC_OF_HEADER and int.from_bytes(source.take(2), "little") != zlib.crc32(head) & 0xFFFF:
        raise refusal("wrong-crc")


def _text(source: Source) -> bytes:
    text = bytearray()
    while not text.endswith(b"\0"):
        text += source.take(1)
        if len(text) > LONGEST_FIELD:
            raise refusal("malformed")
    return bytes(text)
