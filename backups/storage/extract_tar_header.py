"""The header of a tar's member, and the records that may stand before it."""

import re
import struct
from dataclasses import dataclass

from .extract_refusals import refusal
from .recognise import is_tar_header

BLOCK = 512
FIELDS = struct.Struct("100s8s8s8s12s12s8sc100s6s2s32s32s8s8s155s12s")
POSIX, GNU = b"ustar\0", b"ustar  \0"
OCTAL = re.compile(rb" *([0-7]+)[ \0]*")
WIDE = 0x80
SPARSE = (b"GNU.sparse.", b"SCHILY.realsize")
LONGEST_LENGTH = 20


@dataclass(slots=True)
class Header:
    name: bytes
    kind: bytes
    size: int


def read_header(block: bytes) -> Header:
    """Raises: UploadRefused (malformed, old-tar)."""
    fields = FIELDS.unpack(block)
    numbers, size = (*fields[1:4], fields[5], *fields[13:15]), fields[4]
    kind, magic, version = fields[7], *fields[9:11]
    name, prefix = fields[0].partition(b"\0")[0], fields[15].partition(b"\0")[0]
    if not is_tar_header(block):
        raise refusal("malformed", name)
    if magic + version != GNU and magic != POSIX:
        raise refusal("old-tar")
    if not all(map(_is_number, numbers)):
        raise refusal("malformed", name)  # some readers end here, without a word
    if magic == POSIX and prefix:
        name = prefix + b"/" + name
    return Header(name, kind, _number(size, name))


def read_records(content: bytes, name: bytes) -> dict[bytes, bytes]:
    """The records of a pax header. Raises: UploadRefused (malformed, sparse)."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(content):
        space = content.find(b" ", at, at + LONGEST_LENGTH)
        said = content[at:space] if space > at else b""
        stop = at + int(said) if said.isdigit() else 0
        if not space < stop <= len(content) or content[stop - 1 : stop] != b"\n":
            raise refusal("malformed", name)
        key, equals, value = content[space + 1 : stop - 1].partition(b"=")
        if not key or not equals or key in found:
            raise refusal("malformed", name)
        if key.startswith(SPARSE):
            raise refusal("sparse", name)
        found[key] = value
        at = stop
    return found


def _is_number(field: bytes) -> bool:
    return field[0] in (WIDE, 0xFF) or not field.strip(b" \0") or OCTAL.fullmatch(field) is not None


def _number(field: bytes, name: bytes) -> int:
    """Octal digits, or bytes of a number too large for them."""
    if field[0] == WIDE:
        return int.from_bytes(field[1:], "big")
    digits = OCTAL.fullmatch(field)
    if digits is None:
        raise refusal("malformed", name)
    return int(digits[1], 8)
