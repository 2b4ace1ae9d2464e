"""Everything that a backup's files need is read once, from where it lies now."""

from pathlib import Path

import pytest

from backups.errors import StoredDiffers, StoredMissing
from backups.storage import names
from backups.storage.check import check_files
from backups.storage.moves import Moves
from backups.storage.rewrite import rewrite
from backups.storage.survey import survey
from backups.storage.vault import DirectoryVault

from .trip import ENVIRONMENT, Kept, keep, noise


def quiet(done: int, total: int) -> None:
    """Told, and silent."""


@pytest.fixture
def vault(tmp_path: Path) -> DirectoryVault:
    made = DirectoryVault(location=tmp_path / "vault")
    made.settle()
    return made


@pytest.fixture
def second(root: Path, vault: DirectoryVault) -> Kept:
    """A backup of which some files lie in its base's pack, and some in several of its own."""
    for number in range(8):
        (root / f"{number}.bin").write_bytes(noise(3000, number))
    first = keep(root, vault)
    for number in range(6):
        (root / f"{number}.txt").write_bytes(b"words " * 900 * (number + 1))
        (root / f"{number}.bin").write_bytes(noise(2500, 50 + number))
    kept = keep(root, vault, first, limit=4000)
    vault.delete(first.reader.name)
    return kept


def packs_of(vault: DirectoryVault, kept: Kept) -> list[str]:
    return sorted(one.name for one in kept.saved.packs if vault.exists(one.name))


def damage(vault: DirectoryVault, name: str, place: int) -> None:
    path = Path(vault.path(name))
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_what_is_whole_passes_and_is_told_of_byte_by_byte(vault: DirectoryVault, second: Kept) -> None:
    told: list[tuple[int, int]] = []

    check_files(vault, second.reader, lambda done, total: told.append((done, total)))

    size = sum(vault.size(name) for name in packs_of(vault, second))
    assert told[-1] == (size, size)
    assert len(packs_of(vault, second)) > 3


@pytest.mark.parametrize("place", [0, 0.5, -1])
def test_a_flipped_bit_in_any_pack_is_found(vault: DirectoryVault, second: Kept, place: float) -> None:
    for name in packs_of(vault, second):
        at = -1 if place < 0 else int(vault.size(name) * place)
        damage(vault, name, at)
        with pytest.raises(StoredDiffers, match=r"is not what was|is damaged"):
            check_files(vault, second.reader, quiet)
        damage(vault, name, at)


def test_a_missing_pack_is_missing(vault: DirectoryVault, second: Kept) -> None:
    vault.delete(packs_of(vault, second)[0])

    with pytest.raises(StoredMissing):
        check_files(vault, second.reader, quiet)


def test_what_has_moved_is_read_where_it_lies_now(vault: DirectoryVault, second: Kept) -> None:
    done = rewrite(vault, ENVIRONMENT, survey(vault, ENVIRONMENT))
    for name in done.replaced:
        vault.delete(name)
    check_files(vault, second.reader, quiet)
    moves = Moves.newest(vault, names.moves_folder(ENVIRONMENT))
    assert moves

    damage(vault, moves.packs[0].name, 10)

    with pytest.raises(StoredDiffers):
        check_files(vault, second.reader, quiet)


def test_whoever_is_told_may_end_it_and_no_thread_goes_on(vault: DirectoryVault, second: Kept) -> None:
    def enough(done: int, total: int) -> None:
        if total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_files(vault, second.reader, enough)
