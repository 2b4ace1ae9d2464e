"""What the kinds do, traced line by line. Found by the lifecycle when Django is ready."""

import subprocess
import time
from pathlib import Path

from django_q import pusher

from environments.choices import Status
from environments.errors import Failed
from environments.lifecycle.attempt import Attempt
from environments.lifecycle.kinds import Kind, register
from environments.lifecycle.lease import Lease
from environments.lifecycle.periods import PACE
from environments.models import Operation
from environments.programs import Program

# A shell with a child of its own and one in a session of its own, all of which would run for a minute.
FAMILY = "sleep 61 & setsid sleep 62 & echo $! >&2; exec sleep 63"


# The library waits for ten seconds when the queue is down: in workers of tests time runs faster for it, too.
pusher.sleep = lambda seconds: time.sleep(seconds * PACE)


def trace(operation: Operation, words: str) -> None:
    if path := operation.params.get("trace"):
        with open(path, "a") as file:
            file.write(words + "\n")


def quick(attempt: Attempt) -> str:
    """Done at once."""
    trace(attempt.operation, f"began {attempt.number}")
    attempt.beat("Working", step=1, steps=1, done_bytes=1, total_bytes=2)
    trace(attempt.operation, f"ended {attempt.number}")
    return "It was quick."


def slow(attempt: Attempt) -> str:
    """Beats until the file named by `until` is there."""
    trace(attempt.operation, f"began {attempt.number}")
    attempt.beat("Waiting")
    while not Path(attempt.operation.params["until"]).exists():
        attempt.beat()
        time.sleep(0.02)
    attempt.check_owned()
    trace(attempt.operation, f"ended {attempt.number}")
    return "It was slow."


def deaf(attempt: Attempt) -> str:
    """Never beats: a job that hangs."""
    trace(attempt.operation, f"began {attempt.number}")
    time.sleep(600)
    return "It woke up."


def family(attempt: Attempt) -> str:
    """Waits for a guarded program with grandchildren."""
    with Program(["sh", "-c", FAMILY], environ={}, label=attempt.label) as program:
        attempt.holds_child(program.child)
        trace(attempt.operation, f"began {attempt.number} {program.child}")
        program.wait(attempt.beat)
    return "The program ended."


def plain_family(attempt: Attempt) -> str:
    """The same without a guard, to show what the guard is for."""
    with subprocess.Popen(["sh", "-c", FAMILY], stderr=subprocess.DEVNULL) as process:
        trace(attempt.operation, f"began {attempt.number} {process.pid}|0")
        while process.poll() is None:
            attempt.beat()
            time.sleep(0.02)
    return "The program ended."


def failing(attempt: Attempt) -> str:
    raise Failed("The dump is not readable. Nothing was stored.")


def broken(attempt: Attempt) -> str:
    raise KeyError("a secret key")


def swept(operation: Operation, attempt: int) -> None:
    trace(operation, f"swept {attempt}")


def recover(operation: Operation, attempt: int) -> tuple[Status, str]:
    """Is at it until the file named by `until` is there; the first one, where `hangs`, without a beat."""
    hangs = operation.params.get("hangs") and "recovering" not in Path(operation.params["trace"]).read_text()
    trace(operation, f"recovering {attempt}")
    lease = Lease(operation)
    while not Path(operation.params["until"]).exists():
        time.sleep(0.02)
        if not hangs:
            lease.beat()
    lease.beat()
    trace(operation, f"recovered {attempt}")
    return Status.COMPLETED, "It was recovered."


register(Kind("recovered", deaf, True, False, 600, recover=recover))
# Every kind as it is, and as `once_…` (not repeated), `side_…` (excludes nothing) and `heavy_…` (takes turns).
for perform in (quick, slow, deaf, family, plain_family, failing, broken):
    name = perform.__name__
    register(Kind(name, perform, True, True, 600, sweep=swept, title=f"The {name} work"))
    register(Kind(f"once_{name}", perform, True, False, 600, sweep=swept))
    register(Kind(f"side_{name}", perform, False, True, 600, sweep=swept))
    register(Kind(f"heavy_{name}", perform, True, True, 600, sweep=swept, is_heavy=True))
