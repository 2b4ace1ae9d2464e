"""Archives with something wrong in them, by chance: from bytes turned over to fields that still fit together."""

import random
from collections.abc import Callable

from . import tars, zips
from .samples import SAMPLES

Chance = random.Random
TELLING = [b"../", b"/", b"\\", b"\0", b"\n", b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\7\x08", b"\xff" * 4]
NUMBERS = [0, 1, 2, 8, 9, 12, 0x7FFF, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF]
NAMES = [b"a.txt", b"A.txt", b"a", b"a/b", b"../a", b"/a", b"a/", b"l", b"l/a", b"C:/a", b"a\\b", b"\xff", b"x" * 300]
MODES = [0, 0o100644, 0o040755, 0o120777, 0o010644, 0o060600, 0o104755]
KINDS = [b"0", b"\0", b"5", b"1", b"2", b"3", b"6", b"7", b"S", b"L", b"K", b"x", b"g", b"V"]


def turned(chance: Chance, whole: bytes) -> bytes:
    """Some bytes are others."""
    changed = bytearray(whole)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        changed[chance.randrange(len(changed))] = chance.choice((0, 0xFF, 0x80, chance.randrange(256)))
    return bytes(changed)


def overwritten(chance: Chance, whole: bytes) -> bytes:
    """Something that tells readers something stands over something else."""
    piece = chance.choice([*TELLING, *(number.to_bytes(4, "little") for number in NUMBERS)])
    at = chance.randrange(len(whole))
    return whole[:at] + piece + whole[at + len(piece) :]


def moved(chance: Chance, whole: bytes) -> bytes:
    """A piece is missing, there twice, elsewhere, or from another archive."""
    start, at = chance.randrange(len(whole)), chance.randrange(len(whole))
    stop = min(len(whole), start + chance.choice((1, 4, 30, 46, 512, 1024)))
    other = chance.choice(list(SAMPLES.values()))
    return chance.choice(
        (
            whole[:start] + whole[stop:],
            whole[:stop] + whole[start:],
            whole[:at] + whole[start:stop] + whole[at:],
            whole[:at] + other,
            whole[:at] + other[at:],
            whole + other,
        )
    )


def composed_zip(chance: Chance) -> bytes:
    """Entries whose fields are right but for a few."""
    keys = ["flags", "method", "crc", "packed", "size", "attributes", "disk", "needed"]
    entries = []
    for number in range(chance.randrange(1, 5)):
        name = chance.choice([*NAMES, *(b"%d" % number,) * 20])
        entry = zips.Entry(name, chance.randbytes(9), chance.choice((0, 8)), chance.choice([*MODES, *(0o100644,) * 9]))
        if chance.random() < 0.2:
            field = {chance.choice(keys): chance.choice(NUMBERS) & 0xFFFF}
            chance.choice((entry.both, entry.local, entry.central)).update(field)
        if chance.random() < 0.1:
            content = chance.randbytes(chance.randrange(30))
            entry.both["extra"] = zips.extra_field(chance.choice((1, 0x7075, 0x756E, 0x000D, 0x9901)), content)
        entries.append(entry)
    end = {chance.choice(("disk", "here", "all", "bytes", "start")): chance.choice(NUMBERS) & 0xFFFF}
    wide = chance.choice((None, None, {}, {"at": 3}, {"all": 1}))
    return zips.make_zip(*entries, end=end if chance.random() < 0.2 else {}, wide=wide)


def composed_tar(chance: Chance) -> bytes:
    """Members in any order, with sums that are right, so that readers believe them."""
    made = b""
    for number in range(chance.randrange(1, 6)):
        name, kind = chance.choice([*NAMES, *(b"%d" % number,) * 20]), chance.choice([*KINDS, *(b"0",) * 20])
        content = chance.choice((b"", b"x" * 9, tars.record(b"path", chance.choice(NAMES)), b"../../x\0"))
        member = bytearray(tars.file(name[:100], content, kind=kind, link=chance.choice(NAMES)[:100]))
        if chance.random() < 0.3:
            member[chance.randrange(512)] = chance.randrange(256)
            member[:512] = tars.summed(bytes(member[:512]))
        made += bytes(member)
    made += chance.choice((tars.END, tars.END, tars.END, b"", tars.END[:512], tars.END + b"x" * 512))
    return tars.gzip(made) if chance.random() < 0.3 else made


def resummed(chance: Chance, whole: bytes) -> bytes:
    """Bytes of a tar are others, and the sums of its headers are right again."""
    changed = bytearray(turned(chance, whole))
    for at in range(0, len(changed) - 511, 512):
        if changed[at + 257 : at + 262] == b"ustar":
            changed[at : at + 512] = tars.summed(bytes(changed[at : at + 512]))
    return bytes(changed)


def mutated(seed: int) -> bytes:
    """The archive of this number; the same for the same number."""
    chance = Chance(seed)
    whole = chance.choice(list(SAMPLES.values()))
    tar = chance.choice((SAMPLES["tar pax"], SAMPLES["tar gnu"]))
    ways: list[Callable[[], bytes]] = [
        lambda: turned(chance, whole),
        lambda: overwritten(chance, whole),
        lambda: moved(chance, whole),
        lambda: composed_zip(chance),
        lambda: composed_tar(chance),
        lambda: resummed(chance, tar),
        lambda: tars.gzip(resummed(chance, tar)),
    ]
    return chance.choice(ways)()
