"""Rows 6 and 7: putting a backup back, against pg_restore and tar; and for how long an app is away meanwhile."""

import itertools
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from environments.addresses import DatabaseAddress

from . import app
from .browser import free_port
from .fixture import empty, fill_database, fill_tree
from .ground import Ground
from .measure import MIB, Run, median_ratio, pairs, run, shell
from .table import Row

PROBE_SECONDS = 0.01


def measure(ground: Ground, wanted: set[int]) -> Iterator[Row]:
    files, database = (20_000, 2_000) if ground.is_full else (8_000, 200)
    if 6 in wanted:
        address = ground.database("restored")
        fill_database(ground.conninfo(address), database)
        yield _database(ground, address)
    if 7 in wanted:
        tree = ground.folder / "restored-tree"
        fill_tree(tree, files)
        yield _files(ground, tree)


_STOP_AND_START = """
from types import SimpleNamespace
from environments.lookup import find_environment
from environments.operations.start import start_app
from environments.operations.stop import stop_app
environment, attempt = find_environment("restore/database"), SimpleNamespace(beat=lambda *_, **__: None)
stop_app(environment, attempt)
start_app(environment, attempt)
"""


# Removing what was live before the last restore is no part of putting back, and tar removes nothing.
_FORGET = """
from backups.models import Generation
from backups.operations.generations import discard_expired
from environments import clock
Generation.objects.update(undo_until=clock.now())
discard_expired()
"""


def _restore(ground: Ground, environment: str, *how: str) -> Callable[[], Run]:
    return lambda: ground.manage("restore_backup", f"{environment}/latest", "--to", environment, *how, "--here")


def _database(ground: Ground, address: DatabaseAddress) -> Row:
    """The wall without an app to be stopped; then the outage with one."""
    no_files = ground.folder / "no-files-restored"
    ground.register("restore/database", address, no_files)
    ground.forget_backups()
    ground.manage("create_backup", "restore/database", "--here")
    dump = ground.dump()
    restore = f"{ground.postgres.programs}/pg_restore -j2 -d '{ground.postgres.address('by-hand').to_url()}' {dump}"
    a, b = pairs(
        _restore(ground, "restore/database", "--only", "database", "--app-is-stopped"),
        lambda: shell(restore),
        lambda: _fresh(ground),
    )
    row = Row("6", "restore a database and swap", "pg_restore -j2 into a fresh database", a, b)
    row.add("wall", median_ratio(a, b, lambda one: one.wall, ground.allowed), 1.05)
    row.add("peak MiB", max(one.peak_bytes for one in a) / MIB, 128)
    beyond, beyond_by_hand = _outage(ground, address)
    row.add("outage beyond s", beyond, 0.25)
    row.add("beyond by hand s", beyond_by_hand, 1.5)
    return row


def _fresh(ground: Ground) -> None:
    ground.database("by-hand")
    ground.checkpoint()


def _outage(ground: Ground, address: DatabaseAddress) -> tuple[float, float]:
    """How much longer an app is away for a restore than when the portal only stops and starts it; and longer than when
    its own two commands are given by hand: what seeing that it is really stopped takes is in this one alone."""
    folder = ground.folder / "app"
    folder.mkdir()
    port = free_port()
    (folder / "app.json").write_text(json.dumps({"port": port, "conninfo": ground.conninfo(address)}))
    words = {word: f"{sys.executable} {app.__file__} {word} {folder}" for word in ("status", "stop", "start")}
    commands = [part for word, line in words.items() for part in (f"--{word}-command", line)]
    ground.manage("register_environment", "restore/database", "--model-version", "1.0.0", *commands)
    ground.manage("create_backup", "restore/database", "--here")
    shell(words["start"])
    try:
        by_hand: list[Run] = []
        ours, theirs = pairs(
            lambda: _away(port, _restore(ground, "restore/database", "--only", "database", "--stop-app")),
            lambda: _away(port, lambda: ground.manage("shell", "--no-imports", "-c", _STOP_AND_START)),
            lambda: by_hand.append(_away(port, lambda: shell(f"{words['stop']} && {words['start']}"))),
        )
    finally:
        shell(words["stop"])
    return _longer(ours, theirs), _longer(ours, by_hand[1:])


def _longer(ours: list[Run], theirs: list[Run]) -> float:
    return statistics.median(one.wall - other.wall for one, other in zip(ours, theirs, strict=True))


def _away(port: int, deed: Callable[[], Run]) -> Run:
    """The deed's run, its wall the longest time for which the app answered nobody."""
    answered, is_over = [time.perf_counter()], threading.Event()

    def probe() -> None:
        while not is_over.wait(PROBE_SECONDS):
            if app.answers(port):
                answered.append(time.perf_counter())

    prober = threading.Thread(target=probe)
    prober.start()
    try:
        done = deed()
    finally:
        is_over.set()
        prober.join()
    gaps = [later - earlier for earlier, later in itertools.pairwise(answered)]
    return Run(max(gaps), done.cpu, done.peak_bytes)


def _files(ground: Ground, tree: Path) -> Row:
    ground.register("restore/files", ground.database("no-tables"), tree)
    ground.manage("create_backup", "restore/files", "--here")
    packed, targets = ground.folder / "restored.tar.zst", list[Path]()
    shell(f"tar cf - -C {tree} . | zstd -q -1 -T2 -f -o {packed}")

    def before() -> None:
        """A new folder each time: a disk that was just emptied takes new files more slowly."""
        ground.manage("shell", "--no-imports", "-c", _FORGET)
        targets.append(ground.folder / f"by-hand-tree-{len(targets)}")
        empty(targets[-1])
        os.sync()

    a, b = pairs(
        _restore(ground, "restore/files", "--only", "files", "--app-is-stopped"),
        lambda: shell(f"zstd -q -dc {packed} | tar xf - -C {targets[-1]}"),
        before,
    )
    run(["diff", "-r", "--exclude=.portal*", str(tree), str(targets[-1])])
    row = Row("7", "restore files", "zstd -dc | tar x", a, b)
    row.add("wall", median_ratio(a, b, lambda one: one.wall, ground.allowed), 1.2)
    row.add("peak MiB", max(one.peak_bytes for one in a) / MIB, 128)
    return row
