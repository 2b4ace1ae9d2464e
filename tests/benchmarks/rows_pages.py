"""Rows 12 and 14: the list of 100,000 backups, and how soon a queued backup starts."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime

from portal.config import ROOT

from .ground import Ground
from .measure import percentile
from .rows_create import empty_folder
from .table import Row


def measure(ground: Ground, wanted: set[int]) -> Iterator[Row]:
    if 12 in wanted:
        yield _list(ground)
    if 14 in wanted:
        yield _start(ground)


def _list(ground: Ground) -> Row:
    """Measured inside one process: CPU seconds of a request, ours against a plain view of the same rows."""
    command = [sys.executable, "-m", "tests.benchmarks.pages"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=dict(os.environ)).stdout
    figures = json.loads(said.splitlines()[-1])
    row = Row("12", "the list page, 50 of 100,000 rows", "a plain Django view")
    row.add("per core-second", figures["plain"] / figures["first"], 2.0, at_least=True)
    row.add("last page", figures["last"] / figures["first"], 1.3)
    row.add("queries", figures["queries"], 8)
    return row


def _start(ground: Ground) -> Row:
    """Twenty backups of a tiny environment, one after the other, through the queue and a worker."""
    ground.register("start/live", ground.database("start"), empty_folder(ground, "no-files-3"))
    worker = subprocess.Popen([sys.executable, "manage.py", "work"], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        waited = [_seconds_to_start() for _ in range(21)][1:]
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(90)  # it gives its clusters a minute
    row = Row("14", "queue → start on an idle worker", "–")
    row.add("p95 s", percentile(waited, 0.95), 1.0)
    row.add("median s", percentile(waited, 0.5), 1.0)
    return row


def _seconds_to_start() -> float:
    made = _json("create_backup", "start/live", "--wait", "--json")
    operation = _json("show_operation", made["operation"], "--json")
    created, started = (datetime.fromisoformat(operation[name]) for name in ("created_at", "started_at"))
    return (started - created).total_seconds()


def _json(*arguments: str) -> dict[str, str]:
    done = subprocess.run([sys.executable, "manage.py", *arguments], check=True, capture_output=True, cwd=ROOT)
    found: dict[str, str] = json.loads(done.stdout)
    return found
