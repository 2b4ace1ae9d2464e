"""What a zip says about each entry: once in its directory, once in front of the content, and both the same."""

import stat
import struct
import zlib
from dataclasses import dataclass

from .extract_refusals import refusal
from .extract_stream import Source, Span

CENTRAL = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")
ENCRYPTED, DESCRIBED, PATCHED, STRONG, UTF_8, MASKED = 1, 8, 32, 64, 1 << 11, 1 << 13
TELLING = ENCRYPTED | DESCRIBED | PATCHED | STRONG | UTF_8 | MASKED
STORED, DEFLATED, AES = 0, 8, 99
ZIP64, UNIX_1, UNIX_ASI, UNICODE_PATH, AES_EXTRA = 0x0001, 0x000D, 0x756E, 0x7075, 0x9901
WIDE, DISK = 0xFFFFFFFF, 0xFFFF
DOS_FOLDER = 0x10
NEWEST = 63  # the version of the form, times ten
FORMS = {
    stat.S_IFLNK: "link",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "pipe",
}


@dataclass(slots=True)
class Entry:
    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    is_folder: bool


def read_central(span: Span) -> Entry:
    """The next entry of the directory.

    Raises: UploadRefused (malformed, encrypted, method, many-parts, link, device, pipe, name-differs, …).
    """
    fields = CENTRAL.unpack(span.take(CENTRAL.size))
    mark, needed, flags, method = fields[0], *fields[2:5]
    crc, packed, size, name_length, extra_length, comment_length, disk = fields[7:14]
    attributes, offset = fields[15:]
    name, extra = span.take(name_length), span.take(extra_length)
    span.pass_over(comment_length)
    if mark != b"PK\1\2":
        raise refusal("malformed", name)
    extras = _extras(extra, name)
    size, packed, offset, disk = _widen(extras, name, (size, packed, offset), disk)
    if disk:
        raise refusal("many-parts")
    name = _name(name, flags, extras)
    _refuse_packing(needed, flags, method, extras, name)
    is_folder = _is_folder(name, attributes, extras)
    if is_folder and size:
        raise refusal("file-and-folder", name)
    return Entry(name, flags & TELLING, method, crc, packed, size, offset, is_folder)


def check_local(source: Source, entry: Entry) -> None:
    """Read the header in front of the content. Raises: UploadRefused when it differs from the directory."""
    mark, _, flags, method, _, _, crc, packed, size, name_length, extra_length = LOCAL.unpack(source.take(LOCAL.size))
    if mark != b"PK\3\4":
        raise refusal("headers-differ", entry.name)
    name, extra = source.take(name_length), source.take(extra_length)
    extras = _extras(extra, entry.name)
    is_wide = WIDE in (packed, size) and ZIP64 in extras
    if is_wide:
        size, packed, _, _ = _widen(extras, name, (size, packed, 0), 0)
    if _name(name, flags, extras) != entry.name or flags & TELLING != entry.flags or method != entry.method:
        raise refusal("headers-differ", entry.name)
    said, known = (crc, packed, size), (entry.crc, entry.packed, entry.size)
    later = 0 if flags & DESCRIBED else None
    if any(one not in (other, later) for one, other in zip(said, known, strict=True)):
        raise refusal("headers-differ", entry.name)


def check_descriptor(source: Source, entry: Entry, length: int) -> None:
    """Read what stands behind a content whose header was written before it was known: 12 to 24 bytes."""
    if not entry.flags & DESCRIBED:
        if length:
            raise refusal("junk-inside", entry.name)
        return
    if length not in (12, 16, 20, 24):
        raise refusal("junk-inside", entry.name)
    described = source.take(length)
    if length in (16, 24):
        mark, described = described[:4], described[4:]
        if mark != b"PK\7\x08":
            raise refusal("headers-differ", entry.name)
    if struct.unpack("<3L" if len(described) == 12 else "<L2Q", described) != (entry.crc, entry.packed, entry.size):
        raise refusal("headers-differ", entry.name)


def _extras(extra: bytes, name: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at < len(extra):
        number, length = int.from_bytes(extra[at : at + 2], "little"), int.from_bytes(extra[at + 2 : at + 4], "little")
        if at + 4 + length > len(extra) or (number in (ZIP64, UNICODE_PATH) and number in found):
            raise refusal("malformed", name)
        found[number] = extra[at + 4 : at + 4 + length]
        at += 4 + length
    return found


def _widen(extras: dict[int, bytes], name: bytes, said: tuple[int, int, int], disk: int) -> tuple[int, int, int, int]:
    """Size, packed size, offset and disk; those with no room in 32 bits stand in an extra field, in this order."""
    field, at, full = extras.get(ZIP64), 0, []
    if field is None:
        return (*said, disk)
    for number in said:
        if number == WIDE:
            full.append(int.from_bytes(field[at : at + 8], "little"))
            at += 8
        else:
            full.append(number)
    if disk == DISK:
        disk = int.from_bytes(field[at : at + 4], "little")
        at += 4
    if at > len(field) or len(field) > 28:
        raise refusal("malformed", name)
    return full[0], full[1], full[2], disk


def _name(name: bytes, flags: int, extras: dict[int, bytes]) -> bytes:
    """The name; Info-ZIP may write it in UTF-8 beside one in some other script."""
    field = extras.get(UNICODE_PATH)
    if field is None:
        return name
    if field[:1] != b"\1" or int.from_bytes(field[1:5], "little") != zlib.crc32(name):
        raise refusal("name-differs", name)
    if flags & UTF_8 and field[5:] != name:
        raise refusal("name-differs", name)
    return field[5:]


def _refuse_packing(needed: int, flags: int, method: int, extras: dict[int, bytes], name: bytes) -> None:
    if flags & (ENCRYPTED | STRONG | MASKED) or method == AES or AES_EXTRA in extras:
        raise refusal("encrypted", name)
    if method not in (STORED, DEFLATED) or flags & PATCHED or needed & 0xFF > NEWEST:
        raise refusal("method", name, method=method)


def _is_folder(name: bytes, attributes: int, extras: dict[int, bytes]) -> bool:
    """Told by the slash at its end; whatever else says what it is has to agree."""
    form = stat.S_IFMT(attributes >> 16)
    if UNIX_ASI in extras:
        form = stat.S_IFMT(int.from_bytes(extras[UNIX_ASI][4:6], "little")) or form
    if len(extras.get(UNIX_1, b"")) > 12:
        form = stat.S_IFLNK
    if form not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise refusal(FORMS.get(form, "member-kind"), name)
    is_folder = name.endswith(b"/")
    if form and is_folder != (form == stat.S_IFDIR):
        raise refusal("file-and-folder", name)
    if attributes & DOS_FOLDER and not is_folder:
        raise refusal("file-and-folder", name)
    return is_folder
