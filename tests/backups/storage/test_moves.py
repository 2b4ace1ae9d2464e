"""Packs that are rewritten: manifests stay as they are, and everybody finds every file where it lies now."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from backups.errors import ManifestNotReadable, StoredMissing
from backups.storage import names
from backups.storage.moves import MovedFiles, Moves, Place, confirm_packs, write_moves
from backups.storage.packs import PackReader
from backups.storage.rewrite import rewrite
from backups.storage.stored import Stored
from backups.storage.survey import survey
from backups.storage.vault import DirectoryVault, Vault

from .trip import ENVIRONMENT, Kept, contents, everything, keep, noise, tree

FOLDER = names.moves_folder(ENVIRONMENT)
OLD, NEW, NEWER = (f"{names.packs_folder(ENVIRONMENT)}/{name}" for name in ("old", "new", "newer"))
NOBODY = UUID(int=0)


def moved(*rows: tuple[int, int, int, int]) -> MovedFiles:
    files = MovedFiles()
    for row in rows:
        files.add(*row)
    return files


def stored(name: str) -> Stored:
    return Stored(name, 500, "5e" * 32)


def write(vault: Vault, after: Moves | None = None, packs: tuple[str, ...] = (NEW,), **files: MovedFiles) -> Moves:
    return write_moves(vault, FOLDER, uuid4(), after=after, packs=[stored(pack) for pack in packs], moved=files.items())


def test_a_moved_file_is_found_and_what_never_moved_is_not(vault: Vault) -> None:
    write(vault, **{OLD: moved((0, 40, 0, 900), (70, 30, 0, 940))})

    moves = Moves.newest(vault, FOLDER)

    assert moves
    assert moves.find(OLD, 70) == Place(NEW, 940)
    assert moves.find(OLD, 40) is None
    assert moves.find(NEW, 0) is None
    assert moves.packs == [stored(NEW)]
    assert moves.targets(OLD) == [stored(NEW)]


def test_the_newest_alone_holds(vault: Vault) -> None:
    first = write(vault, **{OLD: moved((0, 40, 0, 900))})
    for _ in range(11):
        first = write(vault, first, (NEWER,), **{OLD: moved((0, 40, 0, 7))})

    moves = Moves.newest(vault, FOLDER)

    assert moves
    assert moves.find(OLD, 0) == Place(NEWER, 7)
    assert names.moves_number(moves.name) == 12


def test_two_that_are_written_at_once_both_end_and_one_holds(vault: Vault) -> None:
    one, other = write(vault, **{OLD: moved((0, 1, 0, 1))}), write(vault, **{OLD: moved((0, 1, 0, 2))})

    moves = Moves.newest(vault, FOLDER)

    assert moves and moves.name == max(one.name, other.name)


def test_more_old_packs_than_are_held_are_all_found(vault: Vault) -> None:
    packs = {f"{OLD}-{number}": moved((number, 1, 0, number)) for number in range(30)}
    moves = write(vault, **packs)

    for _ in range(2):
        assert [moves.find(f"{OLD}-{number}", number) for number in range(30)] == [Place(NEW, n) for n in range(30)]


@pytest.mark.parametrize("where", [0, 0.2, 0.5, 0.99])
def test_damaged_moves_are_noticed(tmp_path: Path, where: float) -> None:
    vault = DirectoryVault(location=tmp_path / "vault")
    vault.settle()
    moves = write(vault, **{OLD: moved(*((n, 1, 0, n) for n in range(500)))})
    path = tmp_path / "vault" / moves.name
    content = bytearray(path.read_bytes())
    content[int(len(content) * where)] ^= 4
    path.write_bytes(content)

    with pytest.raises(ManifestNotReadable):
        look = Moves(vault, moves.name)
        look.find(OLD, 3)
        _ = look.packs


# With real packs


@pytest.fixture
def churned(root: Path, vault: Vault) -> list[Kept]:
    """Three backups: of the first one's ten files, three are left in the others; the first one's manifest is gone."""
    for number in range(10):
        (root / f"{number}.bin").write_bytes(noise(3000, number))
    first = keep(root, vault)
    for number in range(7):
        (root / f"{number}.bin").write_bytes(noise(2000, 100 + number))
    second = keep(root, vault, first)
    (root / "folder").mkdir()
    (root / "folder" / "empty").touch()
    third = keep(root, vault, second)
    vault.delete(first.reader.name)
    return [second, third]


def rewritten(vault: Vault) -> list[str]:
    """Rewrite until nothing is half dead, and remove at once what nobody needs: its day has passed."""
    while rewrite(vault, ENVIRONMENT, survey(vault, ENVIRONMENT), limit=8000).replaced:
        pass
    dead = survey(vault, ENVIRONMENT).dead
    for name in dead:
        vault.delete(name)
    return sorted(dead)


def test_a_survey_tells_what_is_needed(churned: list[Kept], vault: Vault) -> None:
    found = survey(vault, ENVIRONMENT)

    [half_dead] = found.half_dead
    assert found.needed[half_dead] == 3 * 3000
    assert found.size(half_dead) == 10 * 3000
    assert sum(found.needed.values()) == 3 * 3000 + 7 * 2000
    assert found.dead == set()


def test_what_lives_moves_and_every_backup_reads_as_before(root: Path, churned: list[Kept], vault: Vault) -> None:
    before = [contents(vault, kept) for kept in churned]
    manifests = {kept.reader.name: b"".join(vault.stream(kept.reader.name)) for kept in churned}
    [half_dead] = survey(vault, ENVIRONMENT).half_dead

    assert half_dead in rewritten(vault)

    assert not vault.exists(half_dead)
    assert [contents(vault, kept) for kept in churned] == before
    assert before[-1] == tree(root)
    assert {name: b"".join(vault.stream(name)) for name in manifests} == manifests


def test_moving_again_never_makes_a_chain(root: Path, churned: list[Kept], vault: Vault) -> None:
    rewritten(vault)
    [other] = {place.pack for place in places(vault).values()} - survey(vault, ENVIRONMENT).regions.keys()
    for name in ("8.bin", "9.bin"):
        (root / name).write_bytes(b"changed")
    last = keep(root, vault, churned[-1])
    for kept in churned:
        vault.delete(kept.reader.name)

    rewritten(vault)

    assert contents(vault, last) == tree(root)
    assert not vault.exists(other)
    assert len(everything(vault, FOLDER)) == 1


def places(vault: Vault) -> dict[tuple[str, int], Place]:
    found = survey(vault, ENVIRONMENT)
    return {(pack, offset): place for pack in found.regions for offset, _, place in found.places(pack)}


def test_the_next_backup_builds_upon_what_has_moved(root: Path, churned: list[Kept], vault: Vault) -> None:
    rewritten(vault)
    packs = everything(vault, names.packs_folder(ENVIRONMENT))

    following = keep(root, vault, churned[-1])

    assert everything(vault, names.packs_folder(ENVIRONMENT)) == packs
    assert contents(vault, following) == tree(root)
    confirm_packs(vault, following.saved.packs)


def test_what_was_moved_and_lost_is_stored_anew(root: Path, churned: list[Kept], vault: Vault) -> None:
    rewritten(vault)
    moves = Moves.newest(vault, FOLDER)
    assert moves
    for pack in moves.packs:
        vault.delete(pack.name)
    with pytest.raises(StoredMissing):
        confirm_packs(vault, churned[-1].saved.packs)

    following = keep(root, vault, churned[-1])

    assert contents(vault, following) == tree(root)


def test_a_reader_that_began_before_goes_on_after_everything_has_moved(churned: list[Kept], vault: Vault) -> None:
    kept = churned[-1]
    records = [record for record in kept.reader.files() if record.size]
    wanted = {
        record.path: b"".join(PackReader(vault).content(pack_of(kept, record.pack), record)) for record in records
    }
    reader = PackReader(vault, block=512, blocks=1)
    first = b"".join(reader.content(pack_of(kept, records[0].pack), records[0]))

    rewritten(vault)

    assert first == wanted[records[0].path]
    for record in records[1:]:
        assert b"".join(reader.content(pack_of(kept, record.pack), record)) == wanted[record.path]


def pack_of(kept: Kept, number: int) -> str:
    return kept.reader.pack_name(number)


def test_killed_before_the_moves_hold_nothing_has_moved(
    churned: list[Kept], vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [contents(vault, kept) for kept in churned]

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("backups.storage.rewrite.write_moves", killed)
        with pytest.raises(KeyboardInterrupt):
            rewrite(vault, ENVIRONMENT, survey(vault, ENVIRONMENT))

    found = survey(vault, ENVIRONMENT)
    assert found.moves is None
    assert len(found.dead) == 1
    assert [contents(vault, kept) for kept in churned] == before
    rewritten(vault)
    assert [contents(vault, kept) for kept in churned] == before


def test_a_pack_that_does_not_read_stays_as_it_is(tmp_path: Path, churned: list[Kept], vault: Vault) -> None:
    [half_dead] = survey(vault, ENVIRONMENT).half_dead
    path = tmp_path / "vault" / half_dead
    path.write_bytes(path.read_bytes()[:100])

    done = rewrite(vault, ENVIRONMENT, survey(vault, ENVIRONMENT))

    assert (done.replaced, done.unreadable) == ([], [half_dead])
    assert Moves.newest(vault, FOLDER) is None


def test_what_a_write_left_unended_is_dead(vault: Vault, churned: list[Kept]) -> None:
    vault.create(f"{FOLDER}/0000000001.{NOBODY}.zst").write(b"half")
    vault.create(f"{names.packs_folder(ENVIRONMENT)}/{NOBODY}.0.0").write(b"half")

    assert survey(vault, ENVIRONMENT).dead == {
        f"{FOLDER}/0000000001.{NOBODY}.zst",
        f"{names.packs_folder(ENVIRONMENT)}/{NOBODY}.0.0",
    }


def test_without_a_manifest_its_packs_are_dead(vault: Vault, churned: list[Kept]) -> None:
    last = churned[-1]
    everybody = {kept.reader.name for kept in churned}

    assert survey(vault, ENVIRONMENT, without={last.reader.name}).dead == set()
    assert survey(vault, ENVIRONMENT, without=everybody).dead == everything(vault, names.packs_folder(ENVIRONMENT))


def test_one_manifest_that_does_not_read_and_nothing_is_known(
    tmp_path: Path, vault: Vault, churned: list[Kept]
) -> None:
    path = tmp_path / "vault" / churned[0].reader.name
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(ManifestNotReadable):
        survey(vault, ENVIRONMENT)
