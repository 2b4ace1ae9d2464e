"""A child program ends when asked, with everything it started, and never outlives its parent."""

import subprocess
import sys
from pathlib import Path

from portal.demo.children import Child, wait_until
from portal.demo.places import CHECKOUT
from tests.portal.demo.processes import is_gone

STUBBORN = "trap '' TERM; sleep 60 & echo $!; wait"


def test_what_a_child_started_ends_with_it(tmp_path: Path) -> None:
    child = Child("a shell", ["sh", "-c", "sleep 60 & echo $!; wait"], log=tmp_path / "log")
    assert wait_until(lambda: child.last_words().isdigit(), 10)
    grandchild = int(child.last_words())

    child.end()

    assert child.has_ended
    assert wait_until(lambda: is_gone(grandchild), 5)


def test_a_child_that_does_not_listen_is_ended_all_the_same(tmp_path: Path) -> None:
    child = Child("a stubborn shell", ["sh", "-c", STUBBORN], log=tmp_path / "log")
    assert wait_until(lambda: child.last_words().isdigit(), 10)
    grandchild = int(child.last_words())

    child.end(within_seconds=0.3)

    assert child.has_ended
    assert wait_until(lambda: is_gone(grandchild), 5)


def test_ending_twice_is_harmless(tmp_path: Path) -> None:
    child = Child("nothing", ["true"], log=tmp_path / "log")

    child.end()
    child.end()

    assert child.process.returncode in (0, -15)


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from portal.demo.children import Child; "
        "print(Child('sleep', ['sleep', '60'], log=Path(sys.argv[1])).process.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "log")]
    parent = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())

    parent.kill()
    parent.communicate()

    assert wait_until(lambda: is_gone(child), 5)
