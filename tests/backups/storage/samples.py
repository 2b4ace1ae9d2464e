"""Small good archives of each kind, without a byte that could be missing."""

import io
import json
import tarfile
import zipfile
from typing import Literal

from . import tars, zips

CONTENTS = {
    "a.txt": b"hello",
    "folder/b.bin": bytes(range(256)) * 3,
    "folder/ünï/c.txt": b"words " * 40,
    "empty": b"",
    "n" * 150: b"long name",
}
DUMP = b"PGDMP\1\x0e\0\4\x08\1" + b"\0\0\0\0\0" * 20 + bytes(range(64))


def _zip(**fields: object) -> bytes:
    entries = (zips.Entry(name.encode(), content, **fields) for name, content in CONTENTS.items())  # type: ignore[arg-type]
    return zips.make_zip(*entries, zips.Entry(b"d/", b"", 0, zips.FOLDER))


def _described_zip() -> bytes:
    entries = []
    for name, content in CONTENTS.items():
        behind = zips.described(content)
        unsaid = {"crc": 0, "packed": 0, "size": 0}
        flags = zips.UTF_8 | zips.DESCRIBED
        entries.append(zips.Entry(name.encode(), content, flags=flags, local=unsaid, descriptor=behind))
    return zips.make_zip(*entries, wide={})


def _python_zip() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in CONTENTS.items():
            with archive.open(zipfile.ZipInfo(name, (2026, 11, 25, 0, 0, 0)), "w", force_zip64=True) as file:
                file.write(content)
    return made.getvalue()


def _tar(form: Literal[1, 2]) -> bytes:
    made = b""
    for name, content in CONTENTS.items():
        member = tarfile.TarInfo(name)
        member.size, member.mtime = len(content), 1_795_564_800
        made += member.tobuf(form) + tars.padded(content)
    return made + tars.folder() + tars.END


def _own(make_tar: bool) -> bytes:
    files = {"db/db.backup": DUMP, "tree/a%0Ab": b"odd", "tree/d/x": b"x"}
    files |= {"NAMES.json": json.dumps({"tree/a%0Ab": "a\nb"}).encode(), ".metadata": b"{}", "README.txt": b"Read."}
    if make_tar:
        return tars.gzip(b"".join(tars.file(name.encode(), content) for name, content in files.items()) + tars.END)
    return zips.make_zip(*(zips.Entry(name.encode(), content, 0) for name, content in files.items()))


SAMPLES = {
    "zip": _zip(),
    "zip stored": _zip(method=0),
    "zip described": _described_zip(),
    "zip of Python": _python_zip(),
    "zip of ours": _own(make_tar=False),
    "tar pax": _tar(tarfile.PAX_FORMAT),
    "tar gnu": _tar(tarfile.GNU_FORMAT),
    "tar.gz": tars.gzip(_tar(tarfile.PAX_FORMAT)),
    "tar.gz of ours": _own(make_tar=True),
}
