"""Rows 8 and 9: taking a backup home, against tar and against nginx."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.config import ROOT

from .browser import cookie, gunicorn, nginx, peak_of
from .fixture import fill_database, fill_tree
from .ground import Ground
from .measure import MIB, Run, median_ratio, pairs, run, shell
from .table import Row


def measure(ground: Ground, wanted: set[int]) -> Iterator[Row]:
    files, database = (20_000, 2_000) if ground.is_full else (8_000, 200)
    tree, address = ground.folder / "download-tree", ground.database("download")
    fill_database(ground.conninfo(address), database)
    fill_tree(tree, files)
    ground.register("download/live", address, tree)
    ground.forget_backups()
    ground.manage("create_backup", "download/live", "--here")
    link = f"/apps/download/live/backups/{_latest()['id']}/download"
    curl = ["curl", "-sSfL", "-o", "/dev/null", "-b", cookie(ground)]
    if 8 in wanted:
        with _site(ground, curl, link) as (site, worker, before):
            yield _full(ground, curl, f"{site}{link}/full/", tree, worker, before)
    if 9 in wanted:
        with _site(ground, curl, link) as (site, worker, before):
            yield _database(ground, curl, f"{site}{link}/database/", worker, before)


@contextmanager
def _site(ground: Ground, curl: list[str], link: str) -> Iterator[tuple[str, int, int]]:
    """A web server, its worker, and how much memory that took at most when everything was imported."""
    with gunicorn(ground) as (site, worker):
        run([*curl, "-r", "0-99", f"{site}{link}/database/"])
        yield site, worker, peak_of(worker)


def _latest() -> dict[str, str]:
    manage = [sys.executable, str(ROOT / "manage.py"), "show_backup", "download/live/latest", "--json"]
    found: dict[str, str] = json.loads(subprocess.run(manage, check=True, capture_output=True, cwd=ROOT).stdout)
    return found


def _full(ground: Ground, curl: list[str], link: str, tree: Path, worker: int, before: int) -> Row:
    dump = ground.dump()
    by_hand = f"tar cf - -C {tree.parent} {tree.name} -C {dump.parent} {dump.name} | cat > /dev/null"
    a, b = pairs(lambda: run([*curl, link]), lambda: shell(by_hand))
    row = Row("8", "download the full backup", "tar cf - | cat", a, b)
    row.add("wall", median_ratio(a, b, lambda one: one.wall), 1.25)
    first_byte = [*curl, "-w", "%{time_starttransfer} %{time_redirect}", link]
    first, redirect = subprocess.run(first_byte, check=True, capture_output=True, text=True).stdout.split()
    row.add("first byte s", float(first) - float(redirect), 0.3)
    row.add("growth MiB", (peak_of(worker) - before) / MIB, 32)
    return row


def _database(ground: Ground, curl: list[str], link: str, worker: int, before: int) -> Row:
    dump = ground.dump()
    with nginx(ground, dump.parent) as site:
        a, b = pairs(lambda: _rate(curl, link), lambda: _rate(curl, f"{site}/{dump.name}"))
    row = Row("9", "download the database", "the file from nginx", a, b)
    row.add("rate", 1 / median_ratio(a, b, lambda one: one.wall), 0.8, at_least=True)
    row.add("growth MiB", (peak_of(worker) - before) / MIB, 16)
    ranged = [*curl, "-r", "100-299", "-w", "%{http_code} %{size_download}", link]
    said = subprocess.run(ranged, check=True, capture_output=True, text=True).stdout
    row.add("ranges honoured", float(said == "206 200"), 1, at_least=True)
    return row


def _rate(curl: list[str], link: str) -> Run:
    """Seconds of the transfer itself, as curl tells them: start-up of curl would drown a small file."""
    said = subprocess.run(
        [*curl, "-w", "%{time_total} %{time_redirect}", link], check=True, capture_output=True, text=True
    )
    total, redirect = map(float, said.stdout.split())
    return Run(total - redirect, 0.0, 0)
