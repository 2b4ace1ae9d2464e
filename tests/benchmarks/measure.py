"""Runs two ways of doing a thing in turn (A B A B …) and tells their ratio."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024


@dataclass(frozen=True)
class Run:
    """One run of one way: seconds on the wall, CPU seconds of all its processes, the largest one's peak memory."""

    wall: float
    cpu: float
    peak_bytes: int


def run(arguments: Sequence[str], environ: dict[str, str] | None = None, cwd: Path | None = None) -> Run:
    """Run a program to its end and measure it with everything it waited for.

    Raises:
        RuntimeError: it failed; its last words are in the text.
    """
    began = time.perf_counter()
    child = subprocess.Popen(arguments, env=environ, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert child.stderr
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stderr.close()
    wall = time.perf_counter() - began
    if child.returncode:
        raise RuntimeError(f"{' '.join(arguments)[:200]} failed: {said.decode(errors='replace')[-2000:]}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def shell(line: str, environ: dict[str, str] | None = None, cwd: Path | None = None) -> Run:
    """Run a hand command, pipes and all; every part of a pipe must succeed."""
    return run(["bash", "-c", f"set -euo pipefail; {line}"], environ, cwd)


def pairs(
    ours: Callable[[], Run], theirs: Callable[[], Run], before: Callable[[], None] = lambda: None, rounds: int = 5
) -> tuple[list[Run], list[Run]]:
    """Interleaved pairs, one warm-up thrown away. `before` is called, unmeasured, before every pair."""
    a, b = [], []
    for turn in range(rounds + 1):
        before()
        one, other = ours(), theirs()
        if turn:
            a.append(one)
            b.append(other)
    return a, b


def median_ratio(a: list[Run], b: list[Run], of: Callable[[Run], float], allowance: float = 0) -> float:
    """The median of the pairs' ratios; `allowance` seconds of start-up are taken off ours first."""
    return statistics.median(max(of(one) - allowance, 0.001) / of(other) for one, other in zip(a, b, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]
