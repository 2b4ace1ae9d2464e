"""Rows 1 to 5: backing up a database, files, and both, against what a person would run by hand."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from .fixture import change_tree, empty, fill_database, fill_tree
from .ground import Ground
from .measure import MIB, Run, median_ratio, pairs, shell
from .table import Row


def measure(ground: Ground, wanted: set[int]) -> Iterator[Row]:
    """Measure those of the rows 1 to 5 that are wanted."""
    files, database = (20_000, 2_000) if ground.is_full else (2_000, 200)
    address, nothing = ground.database("filled"), ground.database("empty")
    tree, small = ground.folder / "tree", ground.folder / "small"
    if wanted & {1, 5}:
        fill_database(ground.conninfo(address), database)
    if wanted & {2, 3, 4, 5}:
        fill_tree(tree, files)
    if 2 in wanted:
        fill_tree(small, files * 2, median=2_400, largest=200_000)
    ground.register("bench/database", address, empty_folder(ground, "no-files-1"))
    ground.register("bench/files", nothing, tree)
    if 1 in wanted:
        yield _database(ground, str(address.name))
    if 2 in wanted:
        yield _files_first(ground, "2", tree, "bench/files", 1.15)
        ground.register("bench/files", nothing, small)
        yield _files_first(ground, "2 (5 KB)", small, "bench/files", 2.5)
        ground.register("bench/files", nothing, tree)
    if 3 in wanted:
        yield from _files_again(ground, tree, 0.01)
    if 4 in wanted:
        yield from _files_again(ground, tree, 0)
    if 5 in wanted:
        ground.register("bench/files", nothing, small if small.exists() else empty_folder(ground, "no-files-2"))
        ground.register("bench/database", address, tree)
        yield _environment(ground, tree)


def empty_folder(ground: Ground, name: str) -> Path:
    folder = ground.folder / name
    empty(folder)
    return folder


def _create(ground: Ground, environment: str) -> Callable[[], Run]:
    return lambda: ground.manage("create_backup", environment, "--here")


def _dump_by_hand(ground: Ground) -> Callable[[], Run]:
    target = ground.folder / "by-hand.backup"
    line = (
        f"{ground.postgres.programs}/pg_dump -Fc -Z zstd:1 -f {target} '{ground.postgres.address('filled').to_url()}'"
    )
    return lambda: shell(f"rm -f {target}; {line}; sync {target}")


def _tar_by_hand(ground: Ground, tree: Path) -> Callable[[], Run]:
    target = ground.folder / "by-hand.tar.zst"
    return lambda: shell(f"rm -f {target}; tar cf - -C {tree} . | zstd -q -1 -T2 -f -o {target}; sync {target}")


def _database(ground: Ground, name: str) -> Row:
    a, b = pairs(_create(ground, "bench/database"), _dump_by_hand(ground), ground.forget_backups)
    size = ground.vault_bytes() / (ground.folder / "by-hand.backup").stat().st_size
    row = Row("1", "back up a database", "pg_dump -Fc -Z zstd:1", a, b)
    row.add("wall", median_ratio(a, b, lambda one: one.wall, ground.allowed), 1.10)
    row.add("size", size, 1.03)
    return row


def _files_first(ground: Ground, number: str, tree: Path, environment: str, goal: float) -> Row:
    a, b = pairs(_create(ground, environment), _tar_by_hand(ground, tree), ground.forget_backups)
    row = Row(number, "back up files, first time", "tar | zstd -1 -T2", a, b)
    row.add("wall", median_ratio(a, b, lambda one: one.wall, ground.allowed), goal)
    if number == "2":
        row.add("cpu", median_ratio(a, b, lambda one: one.cpu, ground.allowed), 1.2)
        row.add("peak MiB", max(one.peak_bytes for one in a) / MIB, 96)
    return row


def _files_again(ground: Ground, tree: Path, share: float) -> Iterator[Row]:
    """Second backups against restic's; the tree changes between the pairs when `share` says so."""
    ground.forget_backups()
    store = ground.folder / "restic"
    shutil.rmtree(store, ignore_errors=True)
    restic = f"RESTIC_PASSWORD=x RESTIC_CACHE_DIR={ground.folder}/restic-cache restic -q -r {store}"
    shell(f"{restic} init")
    shell(f"{restic} backup {tree}")
    _create(ground, "bench/files")()
    first, turns = ground.vault_bytes(), iter(range(100))
    ours_new, theirs_new = [], []

    def before() -> None:
        if share:
            change_tree(tree, share, next(turns))

    def ours() -> Run:
        had = ground.vault_bytes()
        done = _create(ground, "bench/files")()
        ours_new.append(ground.vault_bytes() - had)
        return done

    def theirs() -> Run:
        had = _bytes_of(store)
        done = shell(f"{restic} backup {tree}")
        theirs_new.append(_bytes_of(store) - had)
        return done

    a, b = pairs(ours, theirs, before)
    row = Row(
        "3" if share else "4", f"back up files again, {'1 %' if share else 'nothing'} changed", "restic backup", a, b
    )
    row.add("wall", median_ratio(a, b, lambda one: one.wall, ground.allowed), 0.5 if share else 0.3)
    if share:
        row.add("new bytes", sum(ours_new[1:]) / sum(theirs_new[1:]), 1.05)
    row.add("of the first", max(ours_new[1:]) / first, 0.013 if share else 0.001)
    yield row


def _environment(ground: Ground, tree: Path) -> Row:
    dump, tar = _dump_by_hand(ground), _tar_by_hand(ground, tree)

    def by_hand() -> Run:
        one, other = dump(), tar()
        return Run(one.wall + other.wall, one.cpu + other.cpu, max(one.peak_bytes, other.peak_bytes))

    a, b = pairs(_create(ground, "bench/database"), by_hand, ground.forget_backups)
    row = Row("5", "whole environment", "the two by hand, one after the other", a, b)
    row.add("wall", median_ratio(a, b, lambda one: one.wall, ground.allowed), 1.10)
    return row


def _bytes_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
