"""Random kills over restore, undo and upload: never a mixture, nothing stuck or left. `make faults` plays more."""

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from backups.storage import mounts
from backups.storage.swaps import choose_swap
from environments.addresses import DatabaseAddress
from environments.models import Environment
from tests import fingerprint
from tests.backups.operations.test_restore import back_up
from tests.backups.uploaded import dump_of
from tests.factories import AppServiceFactory
from tests.workers import Workers

from .length import IS_LONG
from .rounds import KINDS, Brought, Rounds
from .watched import WatchedApp

pytestmark = pytest.mark.django_db(transaction=True)
KILLS = int(os.environ.get("PORTAL_TEST_KILLS") or 10)
SEED = int(os.environ.get("PORTAL_TEST_SEED") or 1)
PACE = os.environ.get("PORTAL_TEST_PACE") or ("0.1" if IS_LONG else "0.05")
LINES = 20_000 if IS_LONG else 4_000
# What every run of the tests plays: each kind, each victim; starting all workers again takes longest, so that is rare.
SHORT = (
    ("restore", "worker"),
    ("undo", "worker"),
    ("upload", "worker"),
    ("restore", "child"),
    ("undo", "backend"),
    ("upload", "child"),
    ("restore", "group"),
    ("undo", "worker"),
    ("upload", "backend"),
    ("restore", "reaper"),
)
ROWS = (
    f"CREATE TABLE wide AS SELECT n AS id, repeat(md5(n::text), 20) AS what FROM generate_series(1, {LINES}) n",  # noqa: S608 - a number of ours
    "ALTER TABLE wide ADD PRIMARY KEY (id)",
    "CREATE TABLE mark (word text)",
)


def archive_of(**files: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("__", "."))
            member.size, member.mode = len(text), 0o644
            archive.addfile(member, io.BytesIO(text.encode()))
    return made.getvalue()


@pytest.fixture
def brought(make_database: Callable[..., DatabaseAddress], tmp_path: Path) -> Brought:
    """A dump and an archive with a word of their own, and what is there once they are put."""
    address = make_database(*ROWS, "INSERT INTO mark VALUES ('uploaded')")
    like = tmp_path / "like"
    like.mkdir()
    for name in ("mark.txt", "one.txt"):
        (like / name).write_text("uploaded")
    files = archive_of(mark__txt="uploaded", one__txt="uploaded")
    return Brought(dump_of(address), files, (fingerprint.plain_dump(address), fingerprint.of_tree(like)))


@pytest.fixture
def way() -> str:
    """By which of the three ways the uploaded files change places."""
    return "exchange"


def lie_elsewhere(root: Path, way: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Let the files lie so that they change places by this way; returns what workers have to be told for that."""
    if way == "link":
        root.rename(folder / "tree")
        root.symlink_to(folder / "tree")
    if way != "contents":
        return {}
    mounted = folder / "mountinfo"  # a container shows the folder at a second place
    mounted.write_text(f"1 0 8:1 / / rw - ext4 x rw\n2 1 8:1 {root} /elsewhere rw - ext4 x rw\n")
    monkeypatch.setattr(mounts, "MOUNTINFO", mounted)
    return {"PORTAL_TEST_MOUNTINFO": str(mounted)}


@pytest.fixture
def rounds(
    make_place: Callable[..., Environment],
    keep: Callable[[Environment], Environment],
    brought: Brought,
    start_workers: Callable[..., Workers],
    settings: Settings,
    tmp_path: Path,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Rounds:
    settings.ALLOW_OLD_CLIENTS = True
    environment = keep(make_place(*ROWS, "INSERT INTO mark VALUES ('begin')", name="Acceptance"))
    (tmp_path / "app").mkdir()
    app = WatchedApp(tmp_path / "app")
    app.watch(environment)
    AppServiceFactory(environment=environment)
    root = Path(environment.files_directory)
    environ = {"PORTAL_ALLOW_OLD_CLIENTS": "true", "PORTAL_TEST_PACE": PACE}
    environ |= lie_elsewhere(root, way, tmp_path, monkeypatch)
    assert choose_swap(root).method == way
    (root / "folder").mkdir()
    for number in range(20):
        (root / "folder" / f"{number}.bin").write_bytes(os.urandom(20_000))
    (root / "mark.txt").write_text("begin")
    backup = back_up(environment)
    return Rounds(environment, app, backup, brought, lambda: start_workers(**environ), SEED, is_hurried=not IS_LONG)


@pytest.mark.parametrize("way", ["link", "contents"] if IS_LONG else ["contents"])
def test_whatever_is_killed_where_files_lie_otherwise(rounds: Rounds, way: str) -> None:
    """Each kind once; in `make faults` as many at random as for ordinary folders, together."""
    for number in range(KILLS // 2 if IS_LONG else len(KINDS)):
        rounds.play(*(rounds.draw() if number >= len(KINDS) else (KINDS[number], "worker")))


def test_whatever_is_killed_when(rounds: Rounds, capsys: pytest.CaptureFixture[str]) -> None:
    left = KILLS
    while left and rounds.turn < 2 * KILLS:
        left -= rounds.play(*(SHORT[rounds.turn] if rounds.turn < len(SHORT) else rounds.draw()))

    told = ", ".join(f"{name} {count}" for name, count in sorted(rounds.counted.items()))
    with capsys.disabled():
        print(f"\nseed {SEED}, {KILLS - left} kills: {told}; the slowest end after {rounds.slowest:.0f} s.")
