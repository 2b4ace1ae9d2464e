"""However the files of a backup lie in its packs, an archive holds the same bytes."""

import random
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest

from backups.storage.archive_contents import RowReader
from backups.storage.archive_rows import rows_of
from backups.storage.rewrite import rewrite
from backups.storage.survey import survey
from backups.storage.vault import Vault

from ..taken import PLACE, Taken, keep, tree_of, whole
from .trip import noise

NUMBERS = count(1)


def again(root: Path, vault: Vault, base: Taken | None = None, **more: int) -> Taken:
    return keep(root, vault, place=(PLACE[0], UUID(int=next(NUMBERS)), 1), base=base, **more)


def contents(taken: Taken) -> dict[bytes, bytes]:
    """Each file, read in the order of the rows."""
    reader, found = RowReader(taken.vault, taken.reader, is_checked=True), {}
    for columns in taken.reader.columns():
        rows = rows_of(columns)
        for row in range(len(rows) if rows.files else 0):
            found[rows.paths[row].encode()] = b"".join(reader.read(rows, row))
    return found


def files_of(root: Path) -> dict[bytes, bytes]:
    return {path: content for path, content in tree_of(root).items() if content is not None}


@pytest.fixture
def filled(root: Path) -> Path:
    """Sizes around each edge that the reading knows."""
    chance = random.Random(3)
    sizes = [0, 1, 300, 5000, 40_000, (256 << 10) - 1, 256 << 10, (512 << 10) - 1, 512 << 10, (512 << 10) + 1, 3 << 20]
    for number, size in enumerate(sizes * 3):
        content = noise(size, number) if number % 3 else b"text %d " % number * (size // 8)
        (root / f"{chance.randrange(10**6):06}-{number}").write_bytes(content)
    return root


def test_files_that_lie_side_by_side(filled: Path, vault: Vault) -> None:
    assert contents(again(filled, vault)) == files_of(filled)


def test_files_in_many_small_packs(filled: Path, vault: Vault) -> None:
    assert contents(again(filled, vault, limit=20_000)) == files_of(filled)


def test_files_of_many_backups_among_each_other(root: Path, vault: Vault) -> None:
    chance, taken = random.Random(4), None
    for number in range(60):
        (root / f"{number:02}").write_bytes(noise(chance.randrange(9000), number))
    for turn in range(8):
        for number in chance.sample(range(60), 12):
            (root / f"{number:02}").write_bytes(noise(chance.randrange(9000), 100 * turn + number))
        taken = again(root, vault, taken)

    assert taken is not None
    assert contents(taken) == files_of(root)
    assert len({number for columns in taken.reader.file_columns() for number in columns.pack}) > 5


def test_files_with_the_same_content_lie_in_one_place(root: Path, vault: Vault) -> None:
    for number in range(30):
        (root / f"{number:02}").write_bytes(noise(4000, number))
    first = again(root, vault)
    for number in range(0, 30, 3):
        (root / f"copy-{number:02}").write_bytes(noise(4000, number))

    assert contents(again(root, vault, first)) == files_of(root)


def test_gaps_of_files_that_are_gone(root: Path, vault: Vault) -> None:
    for number in range(60):
        (root / f"{number:02}").write_bytes(noise(2000 if number % 7 else 60_000, number))
    first = again(root, vault)
    for number in range(0, 60, 2):
        (root / f"{number:02}").unlink()

    assert contents(again(root, vault, first)) == files_of(root)


def test_files_that_have_moved_to_other_packs(root: Path, vault: Vault) -> None:
    for number in range(40):
        (root / f"{number:02}").write_bytes(noise(3000, number) if number % 2 else b"%d " % number * 3000)
    first = again(root, vault)
    for number in range(0, 40, 3):
        (root / f"{number:02}").write_bytes(noise(3000, 100 + number))
        (root / f"{number + 1:02}").write_bytes(noise(3000, 200 + number))
    second = again(root, vault, first)
    vault.delete(first.reader.name)
    done = rewrite(vault, PLACE[0], survey(vault, PLACE[0]))
    for name in done.replaced:
        vault.delete(name)

    assert done.replaced
    assert contents(second) == files_of(root)


@pytest.mark.parametrize("is_tar", [True, False])
def test_a_file_in_one_row_asked_for_twice(filled: Path, vault: Vault, is_tar: bool) -> None:
    taken = again(filled, vault)
    archive = taken.archive(is_tar=is_tar)

    assert whole(archive) == whole(archive)
