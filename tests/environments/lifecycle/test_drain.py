"""The drain flag: raised in one process, seen in all that were forked from it."""

import subprocess
import sys
import textwrap

from environments.lifecycle import drain
from tests.workers import ROOT


def test_it_is_down_until_somebody_raises_it() -> None:
    assert not drain.is_on()


def test_it_is_seen_in_processes_that_were_forked_before() -> None:
    script = textwrap.dedent(
        """
        import os
        from environments.lifecycle import drain
        told, heard = os.pipe(), os.pipe()
        if os.fork() == 0:
            os.read(told[0], 1)
            os.write(heard[1], b"1" if drain.is_on() else b"0")
            os._exit(0)
        drain.begin()
        os.write(told[1], b"x")
        print(os.read(heard[0], 1).decode())
        """
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "1\n"
