"""The demo's child programs: none of them outlives the demo, not even when it is killed."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
# Loaded before any fork: the child between fork and exec must not import.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Let the system send this process a signal when its parent ends. Linux only; elsewhere nothing."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


def dying_with_parent(number: int = signal.SIGTERM) -> Callable[[], None]:
    """For `preexec_fn`: the child dies with this process, also when that has ended before the child could say so."""
    parent = os.getpid()

    def between_fork_and_exec() -> None:
        die_with_parent(number)
        if os.getppid() != parent:
            os._exit(1)

    return between_fork_and_exec


class Child:
    """One program in a session of its own, writing to a log of its own."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        log: Path,
        environ: Mapping[str, str] | None = None,
        end_by: int = signal.SIGTERM,
        **options: Any,
    ) -> None:
        self.name, self.log, self.end_by = name, log, end_by
        with log.open("wb") as said:
            self.process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                env=environ,
                start_new_session=True,
                preexec_fn=dying_with_parent(end_by),
                **options,
            )

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:].strip()

    def end(self, within_seconds: float = 15) -> None:
        """Ask it to end, wait, and end what is left of its session. Safe to call twice."""
        with suppress(ProcessLookupError):
            self.process.send_signal(self.end_by)
        try:
            self.process.wait(within_seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)


def wait_until(is_so: Callable[[], bool], within_seconds: float, every_seconds: float = 0.05) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + within_seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_seconds)
    return True
