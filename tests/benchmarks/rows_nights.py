"""Rows 13 and 15: verifying a backup against restic, the nightlies of 10,000 environments, and a night of 1,000."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

from portal.config import ROOT

from .fixture import fill_database, fill_tree
from .ground import Ground
from .measure import MIB, median_ratio, pairs, shell
from .table import Row


def measure(ground: Ground, wanted: set[int]) -> Iterator[Row]:
    if 13 in wanted:
        yield _verify(ground)
    if 15 in wanted:
        yield _dispatch()
        yield _wave(ground)


def _verify(ground: Ground) -> Row:
    """Restic's store holds the same tree and the same dump, once."""
    files, database = (20_000, 2_000) if ground.is_full else (2_000, 200)
    tree, address = ground.folder / "verify-tree", ground.database("verify")
    fill_database(ground.conninfo(address), database)
    fill_tree(tree, files)
    ground.register("verify/live", address, tree)
    ground.forget_backups()
    ground.manage("create_backup", "verify/live", "--here")
    dump = ground.dump()
    store = ground.folder / "restic-verify"
    shutil.rmtree(store, ignore_errors=True)
    restic = f"RESTIC_PASSWORD=x RESTIC_CACHE_DIR={ground.folder}/restic-cache restic -q -r {store}"
    shell(f"{restic} init && {restic} backup {tree} {dump}")
    a, b = pairs(
        lambda: ground.manage("verify_backup", "verify/live/latest"), lambda: shell(f"{restic} check --read-data")
    )
    row = Row("13", "verify a backup", "restic check --read-data", a, b)
    row.add("wall", median_ratio(a, b, lambda one: one.wall, ground.allowed), 1.2)
    row.add("peak MiB", max(one.peak_bytes for one in a) / MIB, 128)
    return row


def _dispatch() -> Row:
    command = [sys.executable, "-m", "tests.benchmarks.nights"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=dict(os.environ)).stdout
    figures = json.loads(said.splitlines()[-1])
    row = Row("15", "nightlies of 10,000 environments", "–")
    row.add("s", max(figures[name]["seconds"] for name in ("first", "second")), 30)
    row.add("s, none due", figures["again"]["seconds"], 5)
    row.add("longest page s", max(figures[name]["longest"] for name in ("first", "second")), 1)
    row.add("growth MiB", figures["second"]["growth"] / MIB, 16)
    row.add("plan of 10,000 s", figures["plan"], 5)
    return row


def _wave(ground: Ground) -> Row:
    """A night of 1,000 environments on 20 servers, six workers a region, backups of a minute or two: simulated."""
    environ = {
        **os.environ,
        "PORTAL_DATA_DIR": str(ground.folder / "wave"),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    words = {"check": True, "capture_output": True, "text": True, "cwd": ROOT, "env": environ}
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], **words)
    said = subprocess.run([sys.executable, "-m", "tests.backups.operations.wave", "1000", "6"], **words).stdout
    figures = json.loads(said)
    row = Row("15", "a night of 1,000, simulated", "–")
    row.add("longest window h", max(one["seconds"] for one in figures["windows"].values()) / 3600, 2)
    row.add("to the fewest", max(one["seconds"] / one["fewest"] for one in figures["windows"].values()), 1.1)
    row.add("at a server", figures["at once"], 2)
    row.add("nights at one", figures["nights at once"], 1)
    row.add("overtaken nights", figures["nights before people"], 0)
    row.add("people waited s", figures["people waited seconds"], 120)
    row.add("growth MiB", figures["growth bytes"] / MIB, 16)
    return row
