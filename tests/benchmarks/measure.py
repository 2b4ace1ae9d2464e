"""Runs two ways of doing a thing in turn (A B A B …) and tells their ratio."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024
# A program begins with the peak of whoever started it: between it and us stands something small.
LAUNCHER = """
import json, os, resource, subprocess, sys, time
began = time.perf_counter()
code = subprocess.call(sys.argv[2:])
wall, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
os.write(int(sys.argv[1]), json.dumps([wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024]).encode())
sys.exit(code and 1)
"""


@dataclass(frozen=True)
class Run:
    """One run of one way: seconds on the wall, CPU seconds of all its processes, the largest one's peak memory."""

    wall: float
    cpu: float
    peak_bytes: int


NOTHING = Run(0, 0, 0)


def run(arguments: Sequence[str], environ: dict[str, str] | None = None, cwd: Path | None = None) -> Run:
    """Run a program to its end and measure it with everything it waited for.

    Raises:
        RuntimeError: it failed; its last words are in the text.
    """
    told, tells = os.pipe()
    launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(tells)]
    done = subprocess.run(
        [*launcher, *arguments],
        env=environ,
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=[tells],
        check=False,
    )
    os.close(tells)
    with os.fdopen(told) as answer:
        measured = answer.read()
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)[:200]} failed: {done.stderr.decode(errors='replace')[-2000:]}")
    wall, cpu, peak_bytes = json.loads(measured)
    return Run(wall, cpu, peak_bytes)


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


def median_ratio(a: list[Run], b: list[Run], of: Callable[[Run], float], allowed: Run = NOTHING) -> float:
    """The median of the pairs' ratios; what is `allowed` for a start is taken off ours first."""
    return statistics.median(max(of(one) - of(allowed), 0.001) / of(other) for one, other in zip(a, b, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]
