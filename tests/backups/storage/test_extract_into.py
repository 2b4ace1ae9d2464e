"""What is unpacked lands in the folder that was meant, follows no link, and writes over nothing."""

import io
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backups.errors import UnpackFailed, UploadRefused
from backups.storage.extract import extract, inspect

from . import tars, zips
from .unpacking import Surroundings, limits, no_beat, opened, tree, unpack, writer_of

ARCHIVE = zips.make_zip(zips.Entry(b"d/e/a.txt", b"new"), zips.Entry(b"d/b.txt", b"new"), zips.Entry(b"c.txt", b"new"))


@pytest.fixture
def surroundings(tmp_path: Path) -> Surroundings:
    return Surroundings(tmp_path)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("link", ["d", "d/e", "d/e/a.txt", "c.txt"])
def test_a_planted_link_is_not_followed(link: str, surroundings: Surroundings) -> None:
    planted = surroundings.into / link
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.symlink_to("../outside.txt" if link.endswith(".txt") else surroundings.root)

    with pytest.raises(UnpackFailed, match="was in the way"):
        unpack(ARCHIVE, surroundings.into)

    surroundings.assert_untouched()
    assert planted.is_symlink()


def test_a_link_to_nothing_yet_is_not_followed_either(surroundings: Surroundings) -> None:
    (surroundings.into / "c.txt").symlink_to(surroundings.root / "made.txt")

    with pytest.raises(UnpackFailed, match=r"'c\.txt' was in the way"):
        unpack(ARCHIVE, surroundings.into)

    assert not (surroundings.root / "made.txt").exists()


def test_a_folder_that_becomes_a_link_meanwhile_changes_nothing(surroundings: Surroundings) -> None:
    """The folder's handle is held, so the link that takes its name is never met."""
    moved = surroundings.root / "moved"

    def swap(done: int, total: int) -> None:
        if (surroundings.into / "d/e/a.txt").exists() and not moved.exists():
            (surroundings.into / "d").rename(moved)
            (surroundings.into / "d").symlink_to(surroundings.root)

    with opened(ARCHIVE) as file, writer_of(surroundings.into) as into:
        extract(file, into, limits(), inspection=inspect(file, limits(), beat=no_beat), beat=swap)

    assert (moved / "b.txt").read_bytes() == b"new"
    assert sorted(path.name for path in surroundings.root.iterdir()) == ["moved", "outside.txt", "staging"]


@pytest.mark.parametrize("there", ["c.txt", "d", "d/b.txt"])
def test_what_is_there_is_not_written_over(there: str, surroundings: Surroundings) -> None:
    before = surroundings.into / there
    before.parent.mkdir(exist_ok=True)
    before.write_text("old")

    with pytest.raises(UnpackFailed, match="was in the way"):
        unpack(ARCHIVE, surroundings.into)

    assert before.read_text() == "old"


def test_modes_do_not_depend_on_the_umask_nor_on_the_folder(surroundings: Surroundings) -> None:
    surroundings.into.chmod(0o2770)
    with umask(0o077):
        unpack(ARCHIVE, surroundings.into)

    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in surroundings.into.rglob("*")}
    assert found == {"d": 0o755, "e": 0o755, "a.txt": 0o644, "b.txt": 0o644, "c.txt": 0o644}


def test_everything_is_given_to_the_owner(surroundings: Surroundings) -> None:
    is_root = os.geteuid() == 0
    owner = (12_345, 23_456) if is_root else (os.getuid(), os.getgid())
    unpack(ARCHIVE, surroundings.into, owner=owner)

    assert {(path.stat().st_uid, path.stat().st_gid) for path in surroundings.into.rglob("*")} == {owner}


def test_a_full_disk_is_said(surroundings: Surroundings) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    content = zips.make_zip(zips.Entry(content=bytes(range(256)) * 1_000))
    with opened(content) as file, writer_of(surroundings.into) as into:
        seen = inspect(file, limits(), beat=no_beat)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            with pytest.raises(UnpackFailed, match="No space left"):
                extract(file, into, limits(), inspection=seen, beat=no_beat)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_name_that_the_file_system_does_not_take_is_said(surroundings: Surroundings) -> None:
    longer = limits(part_bytes=400)
    with opened(zips.make_zip(zips.Entry(b"x" * 300))) as file, writer_of(surroundings.into) as into:
        seen = inspect(file, longer, beat=no_beat)
        with pytest.raises(UnpackFailed, match=r"cannot be unpacked: .* at 'x"):
            extract(file, into, longer, inspection=seen, beat=no_beat)


def test_no_handle_is_left_open(surroundings: Surroundings) -> None:
    def handles() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = handles()
    (surroundings.into / "d").mkdir()
    (surroundings.into / "d/b.txt").touch()
    with pytest.raises(UnpackFailed):
        unpack(ARCHIVE, surroundings.into)
    unpack(tars.file(b"x/y/z") + tars.END, surroundings.into)

    assert handles() == before


@pytest.mark.parametrize("change", ["a byte", "longer", "shorter", "another"])
def test_only_the_bytes_that_were_looked_at_are_used(change: str, surroundings: Surroundings) -> None:
    content = tars.file(b"a.txt", b"good" * 1_000) + tars.file(b"b.txt", b"good") + tars.END
    other = tars.file(b"evil.txt", b"evil") + tars.END
    changed = {
        "a byte": content.replace(b"goodgood", b"goodevil", 1),
        "longer": content + bytes(512),
        "shorter": content[:-10],
        "another": other,
    }[change]
    with opened(content) as file, writer_of(surroundings.into) as into:
        seen = inspect(file, limits(), beat=no_beat)
        os.ftruncate(file.fileno(), 0)
        os.pwrite(file.fileno(), changed, 0)
        with pytest.raises(UploadRefused) as caught:
            extract(file, into, limits(), inspection=seen, beat=no_beat)

    assert caught.value.code == ("truncated" if change == "shorter" else "changed")


def test_a_file_that_grows_while_it_is_read_is_refused() -> None:
    with opened(tars.file() + tars.END) as file, pytest.raises(UploadRefused) as caught:
        inspect(file, limits(), beat=lambda done, total: file.write(b"more"))
    assert caught.value.code == "changed"


def test_a_file_that_shrinks_while_it_is_read_is_refused(surroundings: Surroundings) -> None:
    content = tars.file(b"a.txt", bytes(1 << 20)) + tars.END
    with opened(content) as file, pytest.raises(UploadRefused):
        inspect(file, limits(), beat=lambda done, total: os.ftruncate(file.fileno(), 1 << 19))


def test_the_dump_goes_where_it_is_asked_for_and_only_there(surroundings: Surroundings) -> None:
    dump = b"PGDMP\1\x0e\0\4\x08\1" + b"\0\0\0\0\0" * 20
    taken = io.BytesIO()
    unpack(zips.make_zip(zips.Entry(b"db/db.backup", dump), zips.Entry(b"tree/a")), surroundings.into, dump_into=taken)

    assert taken.getvalue() == dump
    assert set(tree(surroundings.into)) == {"a"}
    surroundings.assert_untouched()


def test_no_room_for_the_dump_is_said(surroundings: Surroundings) -> None:
    dump = b"PGDMP\1\x0e\0\4\x08\1" + b"\0\0\0\0\0" * 20
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(UnpackFailed, match="No space left"):
        unpack(zips.make_zip(zips.Entry(b"db/db.backup", dump)), surroundings.into, dump_into=full)
