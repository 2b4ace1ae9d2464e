"""What a person took home comes back: our own archives, whatever their files are called, are taken as uploads."""

import os
from functools import partial
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest

from backups.storage import names
from backups.storage.archive import archive_of
from backups.storage.documents import save_documents
from backups.storage.manifest import ManifestReader, ManifestWriter
from backups.storage.packs import PackWriter
from backups.storage.stored import StoredStream
from backups.storage.vault import Vault

from .samples import DUMP
from .trip import ENVIRONMENT, files_in, noise, quiet, tree
from .unpacking import unpack

ABOUT = dict.fromkeys(("comment", "model_version", "modeler_version", "app_name", "environment_name"), "x")
ABOUT |= {"created_at": "2026-11-25T14:30:00Z", "data_at": "", "created_by": "Ines", "form": "x"}
ABOUT |= {"client_version": "17.10", "server_version": "17.10"}
ODD = [
    b"plain.txt",
    b"d/e/plain too.txt",
    b"line\nbreak",
    b"d\x1b/escape",
    b"\xe4 Latin",
    "\u00e9".encode(),
    "e\u0301".encode(),
    b"back\\slash",
    b"C:",
    b"A",
    b"a",
    b"100%",
    b"100%25",
    b"looks%0Awritten",
    b"looks%250Awritten",
    b"tree/tree/%0A\n",
    b"\x01" * 255,
    b"/".join([b"p" * 200] * 19),
    b"README.txt",
    b".metadata",
]


@pytest.fixture
def files(root: Path) -> Path:
    for number, name in enumerate(ODD):
        path = root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(noise(number * 1_000, number))
    (root / "empty\n").mkdir()
    return root


@pytest.mark.parametrize("is_tar", [False, True], ids=["zip", "tar.gz"])
@pytest.mark.parametrize("has_dump", [True, False], ids=["full", "files"])
def test_what_was_taken_home_comes_back(
    is_tar: bool, has_dump: bool, files: Path, vault: Vault, tmp_path: Path
) -> None:
    content, taken, into = _archive(files, vault, is_tar=is_tar, has_dump=has_dump), BytesIO(), tmp_path / "into"
    into.mkdir()

    seen = unpack(content, into, dump_into=taken)

    assert tree(into) == tree(files)
    assert taken.getvalue() == (DUMP if has_dump else b"")
    assert (seen.files, seen.has_metadata, seen.root) == (len(ODD), True, "tree/")
    assert seen.metadata and seen.metadata["created_by"] == "Ines"


def _archive(files: Path, vault: Vault, *, is_tar: bool, has_dump: bool) -> bytes:
    place = (ENVIRONMENT, uuid4(), 1)
    with StoredStream(vault, names.dump(*place)) as stream:
        stream.write(DUMP)
        dump = stream.commit()
    with (
        PackWriter(vault, partial(names.pack, *place)) as packs,
        ManifestWriter(vault, names.manifest(*place), {"backup": "x"}) as manifest,
    ):
        saved = save_documents(
            files_in(files), vault=vault, base=None, packs=packs, manifest=manifest, sums=None, beat=quiet
        )
        sizes = {"name": dump.name, "bytes": dump.size, "sha256": dump.sha256, "crc32": dump.crc32}
        manifest.finish(saved.as_end() | {"dump": sizes})
    reader = ManifestReader(vault, names.manifest(*place))
    kind = {"has_dump": has_dump, "is_tar": is_tar, "is_checked": True}
    archive, _ = archive_of(vault, reader, **kind, at=1_795_564_800, about=ABOUT, filename="x")
    made = b"".join(archive.stream())
    assert len(made) == archive.length
    return made
