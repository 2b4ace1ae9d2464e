"""The demo's folder belongs to one demo at a time, and remembers."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from portal.demo import folder as folder_module
from portal.demo.failures import DemoAlreadyRuns, NoFreePort
from portal.demo.folder import Folder, free_port, is_free

TAKE = (
    "import sys, time; from pathlib import Path; from portal.demo.folder import Folder; "
    "Folder(Path(sys.argv[1])).take(); print('taken', flush=True); time.sleep(60)"
)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "var" / "demo")


def test_a_second_demo_is_refused_in_one_sentence_and_at_once(folder: Folder) -> None:
    other = subprocess.Popen([sys.executable, "-c", TAKE, str(folder.path)], stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == b"taken\n"

        with pytest.raises(DemoAlreadyRuns) as refused:
            folder.take()
    finally:
        other.kill()
        other.communicate()

    directory = folder.path.parent
    assert str(refused.value) == (
        f"Another demo already uses {directory}. End it, or name another directory in PORTAL_DATA_DIR."
    )


def test_the_folder_of_a_killed_demo_is_taken_once_its_last_child_is_gone(folder: Folder) -> None:
    program = (
        "import sys, subprocess; from pathlib import Path; from portal.demo.folder import Folder; "
        "folder = Folder(Path(sys.argv[1])); folder.take(); "
        "subprocess.Popen(['sleep', '1'], pass_fds=[folder.lock], stdout=subprocess.DEVNULL)"
    )
    subprocess.run([sys.executable, "-c", program, str(folder.path)], check=True)

    folder.take()

    assert folder.lock_file.read_text() == str(os.getpid())


def test_a_port_stays_the_same_until_somebody_else_takes_it(folder: Folder) -> None:
    folder.take()
    first = folder.port_for("live")

    assert folder.port_for("live") == first
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", first))
        somebody.listen()
        assert folder.port_for("live") != first


def test_two_places_never_get_the_same_port(folder: Folder) -> None:
    folder.take()

    assert folder.port_for("live") != folder.port_for("test")


def test_no_free_port_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_module, "is_free", lambda *_: False)

    with pytest.raises(NoFreePort, match="No port between 18000 and 18010 is free"):
        free_port(18000, 18010)


def test_a_listening_port_is_not_free() -> None:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()

        assert not is_free(somebody.getsockname()[1])


def test_what_is_kept_is_readable_by_its_owner_only(folder: Folder) -> None:
    folder.take()
    folder.keep(passwords={"ines": "secret"})
    folder.keep(ports={"live": 8101})

    assert folder.read() == {"passwords": {"ines": "secret"}, "ports": {"live": 8101}}
    assert folder.kept_file.stat().st_mode & 0o777 == 0o600


def test_the_sockets_of_a_deep_folder_lie_in_a_short_one_that_stays_the_same(tmp_path: Path) -> None:
    deep = Folder(tmp_path / ("d" * 120) / "demo")
    deep.take()

    sockets = deep.sockets()

    assert len(str(sockets)) < 90
    assert deep.sockets() == sockets
    assert sockets.stat().st_mode & 0o777 == 0o700
    sockets.rmdir()
