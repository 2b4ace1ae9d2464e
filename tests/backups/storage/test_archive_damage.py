"""What is damaged in the vault never comes home unnoticed: it is said, or the reader's own sums tell."""

import zipfile
from pathlib import Path

import pytest

from backups.errors import Failed, ManifestNotReadable, StoredDiffers, StoredMissing
from backups.storage import names
from backups.storage.archive import Archive, DumpArchive
from backups.storage.vault import DirectoryVault, Vault

from ..taken import PLACE, Taken, keep
from .trip import noise


@pytest.fixture
def taken(root: Path, vault: Vault) -> Taken:
    """Files that lie side by side, one that is compressed, and one of two frames."""
    (root / "a").write_bytes(noise(5000, 1))
    (root / "b").write_bytes(noise(5000, 2))
    (root / "large").write_bytes(noise(9 << 20, 3))
    (root / "text").write_bytes(b"a line of text\n" * 9000)
    return keep(root, vault)


def pack(taken: Taken) -> Path:
    assert isinstance(taken.vault, DirectoryVault)
    [path] = (Path(taken.vault.location) / names.packs_folder(PLACE[0])).iterdir()
    return path


def dump(taken: Taken) -> Path:
    assert isinstance(taken.vault, DirectoryVault)
    return Path(taken.vault.path(taken.dump.name))


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def received(archive: Archive, error: type[Failed]) -> bytes:
    """What came before the error."""
    content = b""
    with pytest.raises(error):
        for piece in archive.stream():
            content += piece
    assert len(content) < archive.length
    return content


@pytest.mark.parametrize("options", [{"is_checked": True}, {"is_tar": True}], ids=["checked zip", "tar.gz"])
@pytest.mark.parametrize("at", [2500, 7500, 10_000 + (8 << 20), -3000])
def test_a_flipped_bit_in_a_file_ends_it(taken: Taken, options: dict[str, bool], at: int) -> None:
    flip(pack(taken), at)

    received(taken.archive(**options), StoredDiffers)


def test_a_flipped_bit_in_the_last_file_is_seen_before_its_end(root: Path, vault: Vault) -> None:
    (root / "only").write_bytes(noise(3000))
    taken = keep(root, vault)
    flip(pack(taken), 2999)

    assert noise(3000)[:1000] not in received(taken.archive(is_checked=True), StoredDiffers)


def test_a_zip_of_damaged_files_names_them(taken: Taken, tmp_path: Path) -> None:
    flip(pack(taken), 7500)
    (tmp_path / "live.zip").write_bytes(b"".join(taken.archive().stream()))

    with zipfile.ZipFile(tmp_path / "live.zip") as archive:
        assert archive.testzip() == "tree/b"
        assert archive.read("tree/a") == noise(5000, 1)


@pytest.mark.parametrize("is_tar", [True, False], ids=["tar.gz", "zip"])
@pytest.mark.parametrize("length", [0, 4000, 9 << 20])
def test_a_pack_that_is_too_short_ends_it(taken: Taken, is_tar: bool, length: int) -> None:
    pack(taken).write_bytes(pack(taken).read_bytes()[:length])

    received(taken.archive(is_tar=is_tar), StoredDiffers)


@pytest.mark.parametrize("is_tar", [True, False], ids=["tar.gz", "zip"])
def test_a_missing_pack_ends_it(taken: Taken, is_tar: bool) -> None:
    pack(taken).unlink()

    received(taken.archive(is_tar=is_tar), StoredMissing)


def test_a_manifest_that_goes_meanwhile_ends_it(taken: Taken) -> None:
    archive, content = taken.archive(), b""
    with pytest.raises(ManifestNotReadable):
        for piece in archive.stream():
            content += piece
            taken.vault.delete(taken.reader.name)
    assert content.startswith(b"PK")
    assert len(content) < archive.length


def test_a_damaged_dump_is_seen_before_its_end(taken: Taken) -> None:
    flip(dump(taken), -1)

    for archive in (
        taken.archive(is_checked=True),
        taken.archive(is_tar=True),
        DumpArchive(taken.vault, taken.dump, is_checked=True),
    ):
        assert len(received(archive, StoredDiffers)) < taken.dump.size


def test_a_dump_that_is_too_short_ends_it(taken: Taken) -> None:
    dump(taken).write_bytes(dump(taken).read_bytes()[:-1])

    received(taken.archive(), StoredDiffers)
    received(DumpArchive(taken.vault, taken.dump, is_checked=False), StoredDiffers)
