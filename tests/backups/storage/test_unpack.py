"""What was packed comes back as it was: bytes, modes, times; and what is damaged does not."""

import os
from pathlib import Path

import pytest

from backups.errors import StoredDiffers
from backups.storage.archive import ArchiveSums
from backups.storage.documents import save_documents
from backups.storage.manifest import ManifestReader, ManifestWriter
from backups.storage.packs import PackReader, PackWriter
from backups.storage.unpack import Unpacked, unpack
from backups.storage.vault import DirectoryVault
from tests import fingerprint, rich

from .trip import files_in
from .unpacking import writer_of


def quiet(done: int, total: int | None) -> None: ...


def save(root: Path, vault: DirectoryVault) -> ManifestReader:
    with ManifestWriter(vault, "manifest", {}) as manifest, PackWriter(vault, "pack{}".format) as packs:
        saved = save_documents(
            files_in(root), vault=vault, base=None, packs=packs, manifest=manifest, sums=ArchiveSums(), beat=quiet
        )
        manifest.finish(saved.as_end())
    return ManifestReader(vault, "manifest")


def unpack_into(folder: Path, manifest: ManifestReader, vault: DirectoryVault) -> Unpacked:
    folder.mkdir()
    with writer_of(folder) as writer:
        return unpack(manifest, PackReader(vault), writer, beat=quiet)


@pytest.fixture
def vault(tmp_path: Path) -> DirectoryVault:
    made = DirectoryVault(location=str(tmp_path / "vault"))
    made.settle()
    return made


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    root.mkdir()
    rich.fill_tree(root)
    return root


def test_a_tree_comes_back_with_its_modes_and_times(vault: DirectoryVault, tree: Path, tmp_path: Path) -> None:
    old = 1_600_000_000_123_456_789
    for path in (tree / "deep" / "secret", tree / "deep", tree / "empty"):
        os.utime(path, ns=(old, old))
    done = unpack_into(tmp_path / "back", save(tree, vault), vault)

    assert fingerprint.of_tree(tmp_path / "back") == fingerprint.of_tree(tree)
    assert done.files == sum(1 for _, digest in fingerprint.of_tree(tree).values() if digest)
    for name in ("deep/secret", "deep", "empty"):
        assert (tmp_path / "back" / name).stat().st_mtime_ns == old


def test_one_flipped_bit_is_found(vault: DirectoryVault, tree: Path, tmp_path: Path) -> None:
    manifest = save(tree, vault)
    pack = Path(vault.path("pack0"))
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    pack.write_bytes(content)

    with pytest.raises(StoredDiffers):
        unpack_into(tmp_path / "back", manifest, vault)
