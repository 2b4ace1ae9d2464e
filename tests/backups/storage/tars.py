"""Tars and gzips made by hand, in which every field may be wrong."""

import struct
import zlib

BLOCK = 512
END = bytes(2 * BLOCK)
POSIX, GNU = b"ustar\00000", b"ustar  \0"


def header(
    name: bytes = b"a.txt",
    size: int | bytes = 0,
    kind: bytes = b"0",
    *,
    link: bytes = b"",
    magic: bytes = POSIX,
    prefix: bytes = b"",
    mode: int = 0o644,
    sum_off: int = 0,
) -> bytes:
    said = size if isinstance(size, bytes) else b"%011o\0" % size
    front = struct.pack("100s8s8s8s12s12s", name, b"%07o\0" % mode, b"0000000\0", b"0000000\0", said, b"15000000000\0")
    rest = struct.pack("c100s8s32s32s8s8s155s12s", kind, link, magic, b"root", b"root", b"", b"", prefix, b"")
    return summed(front + b" " * 8 + rest, sum_off)


def summed(block: bytes, off: int = 0) -> bytes:
    """The header with the sum it has to have, and what stands behind it."""
    total = sum(block[:148] + block[156:512]) + 256 + off
    return block[:148] + b"%06o\0 " % total + block[156:]


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % BLOCK)


def file(name: bytes = b"a.txt", content: bytes = b"hello", **fields: object) -> bytes:
    return header(name, len(content), **fields) + padded(content)  # type: ignore[arg-type]


def folder(name: bytes = b"d/") -> bytes:
    return header(name, 0, b"5", mode=0o755)


def record(key: bytes, value: bytes) -> bytes:
    bare = len(key) + len(value) + 3
    length = next(bare + digits for digits in range(1, 9) if len(str(bare + digits)) == digits)
    return b"%d %s=%s\n" % (length, key, value)


def records(content: bytes | dict[bytes, bytes], kind: bytes = b"x") -> bytes:
    """A pax header with these records, or with this content where it shall be wrong."""
    said = content if isinstance(content, bytes) else b"".join(record(*pair) for pair in content.items())
    return file(b"PaxHeaders/x", said, kind=kind)


def long_name(name: bytes, kind: bytes = b"L") -> bytes:
    return file(b"././@LongLink", name + b"\0", kind=kind, magic=GNU)


def gzip(
    content: bytes, *, flags: int = 0, fields: bytes = b"", crc: int | None = None, size: int | None = None
) -> bytes:
    engine = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = engine.compress(content) + engine.flush()
    said_crc = zlib.crc32(content) if crc is None else crc
    said_size = len(content) if size is None else size
    return (
        b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0\0\xff" + fields + packed + struct.pack("<2L", said_crc, said_size)
    )
