"""Orders: commands of a portal that are given to its clerk, and what comes of them."""

import itertools
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from environments.programs import kill_session
from tests.workers import ROOT, eventually

WITHIN_SECONDS = 120


class Said(NamedTuple):
    """What came of a command."""

    code: int
    out: str
    err: str


class Order:
    """A command that was given."""

    def __init__(self, path: Path, words: tuple[str, ...]) -> None:
        self.path, self.words = path, words

    @property
    def has_ended(self) -> bool:
        return self.path.with_suffix(".code").exists()

    def said(self) -> Said:
        """Wait for its end."""
        eventually(lambda: self.has_ended, within=WITHIN_SECONDS)
        code, out, err = (self.path.with_suffix(f".{name}").read_text() for name in ("code", "out", "err"))
        return Said(int(code), out, err)

    def done(self) -> str:
        """Wait for its end, which has to be a good one; returns what it printed."""
        said = self.said()
        assert said.code == 0, f"{' '.join(self.words)}: {said.err}"
        return said.out


class Clerk:
    """Calls the commands of the portal that this environment is of; see `clerk.py`."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder, self._numbers = folder, itertools.count()
        command = [sys.executable, "-m", "tests.faults.clerk", str(folder)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=dict(environ), stdin=subprocess.PIPE, text=True, start_new_session=True
        )

    def order(self, *words: str, turned: float = 0) -> Order:
        """Give a command; its clock may be wrong by so many seconds."""
        number, line = next(self._numbers), self._process.stdin
        assert line
        line.write(json.dumps([number, turned, words]) + "\n")
        line.flush()
        return Order(self.folder / str(number), words)

    def found(self, *words: str) -> Any:
        """What a command prints as JSON."""
        return json.loads(self.order(*words, "--json").done())

    def end(self) -> None:
        """Those who still wait for an end go, too."""
        assert self._process.stdin
        kill_session(self._process.pid)
        self._process.wait()
        self._process.stdin.close()
