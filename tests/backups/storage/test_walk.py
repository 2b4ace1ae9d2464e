"""The walk: each name once, sorted by bytes, through no link, whatever changes meanwhile."""

import errno
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from backups.errors import FilesUnreadable
from backups.storage.base import sort_key
from backups.storage.columns import FolderRecord
from backups.storage.walk import FoundFile, LeftOut, shown, walk

from .trip import as_bytes

ODD_NAMES = [
    b"new\nline",
    b"not \xff\xfe utf-8",
    b"back\\slash",
    b"-rf",
    b"%41",
    b" ",
    b"trailing dot.",
    b"x" * 250,
    "e\u0301 decomposed".encode(),
    "\u00e9 composed".encode(),
    "🙂".encode(),
    b"\x1b[31m",
    b"...",
]


def make(root: Path, *names: bytes | str) -> None:
    for name in names:
        path = Path(os.fsdecode(os.fsencode(root) + b"/" + os.fsencode(name)))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(name))


def paths(root: Path) -> list[str]:
    return [found.path for found in walk(root)]


@pytest.fixture(autouse=True)
def no_handle_is_left() -> Iterator[None]:
    # Fewer are no fault: what an earlier test let go is collected when it is.
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    yield
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208


def test_names_of_every_kind_are_found_once_and_in_the_order_of_their_bytes(root: Path) -> None:
    names = [folder + name for name in ODD_NAMES for folder in (b"", b"a/", name + b".d/")]
    make(root, *names)
    files = [found.path for found in walk(root) if isinstance(found, FoundFile)]
    assert sorted(as_bytes(path) for path in files) == sorted(names)
    assert files == sorted(files, key=sort_key)


def test_depth_first_with_each_folder_before_what_it_holds(root: Path) -> None:
    make(root, "a/z", "a.txt", "a/b/c", "b", "a-")
    assert paths(root) == ["a", "a/b", "a/b/c", "a/z", "a-", "a.txt", "b"]


def test_a_folder_is_empty_when_nothing_in_it_is_backed_up(root: Path) -> None:
    make(root, "full/a", "nested/in/a")
    (root / "empty").mkdir()
    (root / "links").mkdir()
    (root / "links" / "one").symlink_to("/etc/passwd")
    (root / "shell" / "empty").mkdir(parents=True)
    folders = {found.path: found.is_empty for found in walk(root) if isinstance(found, FolderRecord)}
    assert folders == {
        "empty": True,
        "full": False,
        "links": True,
        "nested": False,
        "nested/in": False,
        "shell": False,
        "shell/empty": True,
    }


def test_links_and_devices_are_left_out_and_never_followed(root: Path, tmp_path: Path) -> None:
    make(tmp_path, "outside/secret")
    (root / "file-link").symlink_to(tmp_path / "outside" / "secret")
    (root / "folder-link").symlink_to(tmp_path / "outside")
    (root / "dead-link").symlink_to("nowhere")
    os.mkfifo(root / "pipe")
    with closing(socket.socket(socket.AF_UNIX)) as one:
        here = Path.cwd()
        os.chdir(root)  # a socket's path must be short
        one.bind("socket")
        os.chdir(here)
    found = {one.path: one.why for one in walk(root) if isinstance(one, LeftOut)}
    assert found == {
        "dead-link": "links",
        "file-link": "links",
        "folder-link": "links",
        "pipe": "devices",
        "socket": "devices",
    }
    assert set(paths(root)) == set(found)


def test_the_portals_own_folder_is_skipped_at_the_root_only(root: Path) -> None:
    make(root, ".portal/staging/a", "b/.portal/c", ".portal2")
    assert paths(root) == [".portal2", "b", "b/.portal", "b/.portal/c"]


def test_the_root_may_be_a_link(root: Path, tmp_path: Path) -> None:
    make(root, "a")
    (tmp_path / "live").symlink_to(root)
    assert paths(tmp_path / "live") == ["a"]


@pytest.mark.parametrize("missing", ["nowhere", "a-file"])
def test_a_root_that_is_missing_is_said_to_be(tmp_path: Path, missing: str) -> None:
    (tmp_path / "a-file").write_text("")
    with pytest.raises(FilesUnreadable, match=f"{missing} cannot be read.*No backup was made"):
        list(walk(tmp_path / missing))


def test_what_vanishes_meanwhile_is_skipped(root: Path) -> None:
    make(root, "a", "b", "c/d", "e")
    steps = walk(root)
    assert next(steps).path == "a"
    (root / "b").unlink()
    (root / "c" / "d").unlink()
    (root / "c").rmdir()
    assert [found.path for found in steps] == ["e"]


def swap_before_open(monkeypatch: pytest.MonkeyPatch, name: str, swap: Callable[[], object]) -> None:
    """Lets somebody swap a folder at the worst moment: after it was looked at, before it is opened."""
    real_open = os.open

    def swap_then_open(path: str | Path, flags: int, *args: int, **kwargs: int) -> int:
        if path == name:
            monkeypatch.undo()
            swap()
        return real_open(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", swap_then_open)


def test_a_folder_that_became_a_file_is_found_as_a_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(root, "a/b", "file")
    swap_before_open(monkeypatch, "a", lambda: (root / "a").rename(root / "z") and (root / "file").rename(root / "a"))
    found = [(type(one), one.path) for one in walk(root)]
    assert found[0] == (FoundFile, "a")


def test_a_folder_that_became_a_link_is_left_out(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "outside/secret")
    make(root, "a/b")
    (tmp_path / "link").symlink_to(tmp_path / "outside")
    swap_before_open(
        monkeypatch, "a", lambda: (root / "a").rename(tmp_path / "kept") and (tmp_path / "link").rename(root / "a")
    )
    assert list(walk(root)) == [LeftOut("a", "links")]


def test_a_link_planted_in_place_of_a_folder_is_never_walked_through(root: Path, tmp_path: Path) -> None:
    """Somebody swaps a folder and a link to somewhere else, as fast as they can."""
    make(tmp_path, "outside/secret")
    make(root, "a/harmless")
    (tmp_path / "link").symlink_to(tmp_path / "outside")
    is_over = threading.Event()

    def swap() -> None:
        while not is_over.is_set():
            (root / "a").rename(tmp_path / "kept")
            (tmp_path / "link").rename(root / "a")
            (root / "a").rename(tmp_path / "link")
            (tmp_path / "kept").rename(root / "a")

    swapping = threading.Thread(target=swap)
    swapping.start()
    seen: set[tuple[str, str]] = set()
    both = {("LeftOut", "a"), ("FolderRecord", "a"), ("FoundFile", "a/harmless")}
    deadline, walks = time.monotonic() + 30, 0
    try:
        while (seen != both or walks < 500) and seen <= both and time.monotonic() < deadline:
            seen |= {(type(found).__name__, found.path) for found in walk(root)}
            walks += 1
    finally:
        is_over.set()
        swapping.join()
    assert seen == both


def test_a_folder_moved_away_meanwhile_is_still_read_by_its_handle(root: Path, tmp_path: Path) -> None:
    make(root, "a/b", "a/c")
    steps = walk(root)
    assert [next(steps).path for _ in range(2)] == ["a", "a/b"]
    (root / "a").rename(tmp_path / "moved")
    assert [found.path for found in steps] == ["a/c"]


def test_folders_nested_beyond_reason_are_refused_by_name(root: Path) -> None:
    handle = os.open(root, os.O_RDONLY)
    for _ in range(202):
        os.mkdir("d", dir_fd=handle)
        below = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(handle)
    with pytest.raises(FilesUnreadable, match=r"d/d/d.* more than 200 folders deep"):
        list(walk(root))


def test_leaving_the_walk_early_closes_its_folders(root: Path) -> None:
    make(root, "a/b/c/d")
    with closing(walk(root)) as steps:
        next(steps)


def test_a_file_can_be_opened_by_its_held_folder_after_the_walk_went_on(root: Path) -> None:
    make(root, "a/b", "c")
    held = []
    for found in walk(root):
        if isinstance(found, FoundFile):
            found.folder.hold()
            held.append(found)
    for found in held:
        os.close(os.open(found.name, os.O_RDONLY, dir_fd=found.folder.number))
        found.folder.release()


@pytest.fixture
def nobodys_root() -> Iterator[Path]:
    """A tree read without root's rights, which no chmod binds."""
    with tempfile.TemporaryDirectory(prefix="portal-files-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def as_nobody(root: Path) -> list[str]:
    own = os.geteuid()
    try:
        if own == 0:
            os.seteuid(65534)
        return paths(root)
    finally:
        if own == 0:
            os.seteuid(own)


def test_a_folder_that_cannot_be_read_fails_the_backup_by_name(nobodys_root: Path) -> None:
    make(nobodys_root, "a", "b/closed/c")
    (nobodys_root / "b" / "closed").chmod(0)
    with pytest.raises(FilesUnreadable, match=r"b/closed in the uploaded files cannot be read \(Permission denied\)"):
        as_nobody(nobodys_root)


def test_a_disks_lost_and_found_is_left_out_when_it_is_closed(nobodys_root: Path) -> None:
    (nobodys_root / "lost+found").mkdir(mode=0)
    make(nobodys_root, "a")
    assert as_nobody(nobodys_root) == ["a", "lost+found"]


def test_a_broken_disk_fails_the_backup(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(root, "a/b")
    steps = walk(root)

    def broken(handle: int) -> list[str]:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(os, "listdir", broken)
        with pytest.raises(FilesUnreadable, match=r"files cannot be read \(Input/output error\).*No backup was made"):
            next(steps)


def test_paths_are_shown_without_what_a_terminal_would_obey() -> None:
    assert shown("é/ä") == "é/ä"
    assert shown("a\x1b[31m\n\udcff") == "a\\x1b[31m\\n\\udcff"
    assert len(shown("x" * 4000)) == 300
