"""The three swaps: after any number of kills, calling again ends with the new tree live and the old one kept."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from backups.storage import generations, mounts, swap_exchange, swaps
from backups.storage.generations import generation_at
from backups.storage.swap_contents import ContentsSwap
from backups.storage.swap_exchange import ExchangeSwap
from backups.storage.swap_link import LinkSwap
from backups.storage.swaps import FileSwap, choose_swap, discard, make_tree
from tests import fingerprint

MOST_KILLS = 60


class Killed(BaseException):
    """The process ends here."""


def fill(root: Path, word: str) -> None:
    (root / "folder").mkdir(parents=True)
    (root / "folder" / "deep.txt").write_text(word)
    for number in range(3):
        (root / f"{word}-{number}").write_text(word * number)
    (root / "both").write_text(word)


def ordinary(folder: Path) -> FileSwap:
    live = folder / "files"
    fill(live, "old")
    return ExchangeSwap(live)


def without_the_call(folder: Path) -> FileSwap:
    return ordinary(folder)


def linked(folder: Path) -> FileSwap:
    fill(folder / "files-1", "old")
    (folder / "files").symlink_to(folder / "files-1")
    return LinkSwap(folder / "files")


def fixed(folder: Path) -> FileSwap:
    live = folder / "files"
    fill(live, "old")
    return ContentsSwap(live)


PLACES = [ordinary, without_the_call, linked, fixed]


@contextmanager
def killed_at(turn: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """End the process before the `turn`-th change of a directory or a file."""
    calls = [0]

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            calls[0] += 1
            if calls[0] == turn:
                raise Killed
            return real(*arguments, **named)

        return call

    with monkeypatch.context() as patch:
        for name in ("rename", "replace", "mkdir", "unlink", "rmdir", "symlink_to", "chmod"):
            patch.setattr(Path, name, counted(getattr(Path, name)))
        for owner, name in ((swap_exchange, "exchange_at_once"), (generations.os, "fsync"), (generations.os, "write")):
            patch.setattr(owner, name, counted(getattr(owner, name)))
        yield calls


def prepared(place: Callable[[Path], FileSwap], folder: Path, patch: pytest.MonkeyPatch) -> tuple[FileSwap, Path, Path]:
    folder.mkdir()
    if place is without_the_call:
        patch.setattr(swap_exchange, "exchange_at_once", lambda *_: False)
    swap = place(folder)
    incoming, outgoing = swap.staging("1"), swap.previous("1")
    make_tree(incoming, like=swap.live)  # type: ignore[attr-defined]
    fill(incoming, "new")
    return swap, incoming, outgoing


def assert_exchanged(swap: FileSwap, outgoing: Path, new: object, old: object) -> None:
    assert own_less(swap.live) == new  # type: ignore[attr-defined]
    assert own_less(outgoing) == old
    assert generation_at(swap.live) == "g1"  # type: ignore[attr-defined]


def own_less(root: Path) -> dict[bytes, tuple[int, str]]:
    found = fingerprint.of_tree(root.resolve())
    return {name: facts for name, facts in found.items() if not name.startswith(b".portal")}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("second", [None, 1, 3, 7])
def test_kills_at_every_step_end_in_the_whole_new_tree(
    place: Callable[[Path], FileSwap], second: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for turn in range(1, MOST_KILLS):
        swap, incoming, outgoing = prepared(place, tmp_path / str(turn), monkeypatch)
        new, old = own_less(incoming), own_less(swap.live)  # type: ignore[attr-defined]
        with killed_at(turn, monkeypatch) as calls, suppress(Killed):
            swap.exchange(incoming, outgoing, "g1")
        if second:
            with killed_at(second, monkeypatch), suppress(Killed):
                swap.exchange(incoming, outgoing, "g1")

        swap.exchange(incoming, outgoing, "g1")

        assert_exchanged(swap, outgoing, new, old)
        if calls[0] < turn:
            return
    pytest.fail("The exchange has more steps than this test kills.")


@pytest.mark.parametrize("place", PLACES)
def test_calling_again_changes_nothing(
    place: Callable[[Path], FileSwap], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap, incoming, outgoing = prepared(place, tmp_path / "x", monkeypatch)
    new, old = own_less(incoming), own_less(swap.live)  # type: ignore[attr-defined]
    for _ in range(3):
        swap.exchange(incoming, outgoing, "g1")

    assert_exchanged(swap, outgoing, new, old)


@pytest.mark.parametrize("place", PLACES)
def test_what_left_comes_back_by_another_exchange(
    place: Callable[[Path], FileSwap], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap, incoming, outgoing = prepared(place, tmp_path / "x", monkeypatch)
    new, old = own_less(incoming), own_less(swap.live)  # type: ignore[attr-defined]
    swap.exchange(incoming, outgoing, "g1")
    again = swap.previous("2")
    swap.exchange(outgoing, again, "g2")

    assert own_less(swap.live) == old  # type: ignore[attr-defined]
    assert own_less(again) == new
    assert generation_at(swap.live) == "g2"  # type: ignore[attr-defined]
    discard(again)
    assert not again.exists()
    assert own_less(swap.live) == old  # type: ignore[attr-defined]


def test_the_way_is_chosen_by_what_the_directory_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "plain")

    assert choose_swap(tmp_path / "plain").method == "exchange"
    assert choose_swap(tmp_path / "link").method == "link"
    with monkeypatch.context() as patch:
        patch.setattr(os.path, "ismount", lambda path: path == tmp_path / "plain")
        assert choose_swap(tmp_path / "plain").method == "contents"
    with monkeypatch.context() as patch:
        patch.setattr(swaps, "is_source_of_a_mount", lambda _: True)
        assert choose_swap(tmp_path / "plain").method == "contents"


def test_the_source_of_another_mount_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mountinfo"
    monkeypatch.setattr(mounts, "MOUNTINFO", table)
    folder = tmp_path / "my files"
    folder.mkdir()
    within = str(folder).replace(" ", "\\040")
    root = "1 0 254:0 / / rw - ext4 /dev/vda rw"

    table.write_text(f"{root}\n2 1 254:0 {within} /srv/volume rw - ext4 /dev/vda rw\n")
    assert mounts.is_source_of_a_mount(folder)
    table.write_text(f"{root}\n2 1 254:0 {within}-other /srv/volume rw - ext4 /dev/vda rw\n")
    assert not mounts.is_source_of_a_mount(folder)
    table.write_text(f"{root}\n2 1 0:33 {within} /srv/volume rw - tmpfs tmpfs rw\n")
    assert not mounts.is_source_of_a_mount(folder)
    # What is mounted at one place twice is what came last.
    volume = "4 1 0:34 /inner /srv/volume rw - tmpfs tmpfs rw"
    mounted = [f"{number} 1 0:3{number} / {within.rpartition('/')[0]} rw - tmpfs tmpfs rw" for number in (3, 4)]
    for lines, is_source in ((mounted, True), (mounted[::-1], False)):
        table.write_text("\n".join([root, *lines, volume.replace("inner", within.rpartition("/")[2])]))
        assert mounts.is_source_of_a_mount(folder) is is_source


def test_a_staging_has_the_live_ones_mode(tmp_path: Path) -> None:
    live = tmp_path / "files"
    live.mkdir()
    live.chmod(0o2750)
    make_tree(ExchangeSwap(live).staging("1"), like=live)

    assert ExchangeSwap(live).staging("1").stat().st_mode & 0o7777 == 0o2750
