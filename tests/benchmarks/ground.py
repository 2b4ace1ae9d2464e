"""The ground of a benchmark run: a portal of its own, servers of its own, and the fixture, all in one folder."""

import os
import shutil
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from environments.addresses import DatabaseAddress
from portal.config import ROOT
from portal.demo.postgres import Postgres

from .measure import NOTHING, Run, run

ALLOWED_SECONDS = 1.5  # at most, by the design


@dataclass
class Ground:
    """Where a run works. `size` is "small" or "full"."""

    folder: Path
    size: str
    postgres: Postgres = field(init=False)
    allowed: Run = NOTHING
    """Taken off ours at the small size, where it would drown what is measured: what a backup of nothing takes."""

    @property
    def is_full(self) -> bool:
        return self.size == "full"

    def start(self) -> None:
        self.folder.chmod(0o755)
        self.postgres = Postgres(self.folder / "postgres").start()
        os.environ["PORTAL_DATA_DIR"] = str(self.folder / "portal")
        os.environ["PORTAL_PG_BIN"] = str(self.postgres.programs)
        self.manage("migrate", "-v0")
        self.manage("collectstatic", "--noinput", "-v0")
        if not self.is_full:
            self.register("bench/nothing", self.database("nothing"), self.folder / "nothing")
            starts = [self.manage("create_backup", "bench/nothing", "--here") for _ in range(3)]
            wall, cpu = (statistics.median(getattr(one, name) for one in starts) for name in ("wall", "cpu"))
            self.allowed = Run(min(ALLOWED_SECONDS, wall), min(ALLOWED_SECONDS, cpu), 0)
            self.forget_backups()

    def stop(self) -> None:
        self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def manage(self, *arguments: str) -> Run:
        """One command of the portal, measured."""
        return run([sys.executable, str(ROOT / "manage.py"), *arguments], dict(os.environ), ROOT)

    def database(self, name: str) -> DatabaseAddress:
        """A fresh, empty database."""
        with psycopg.connect(self.conninfo(self.postgres.address()), autocommit=True) as db:
            db.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')  # type: ignore[arg-type]
            db.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
        return self.postgres.address(name)

    def checkpoint(self) -> None:
        """Nothing is left to be written when the next thing is measured."""
        with psycopg.connect(self.conninfo(self.postgres.address()), autocommit=True) as db:
            db.execute("CHECKPOINT")

    def register(self, environment: str, address: DatabaseAddress, files: Path) -> None:
        files.mkdir(parents=True, exist_ok=True)
        self.manage("register_environment", environment, "--database", address.to_url(), "--files", str(files))

    def forget_backups(self) -> None:
        """No backup was ever made: rows, activity and vault are emptied, the marker with them."""
        portal = self.folder / "portal"
        shutil.rmtree(portal / "vault", ignore_errors=True)
        run([sys.executable, "-c", _FORGET, str(portal / "portal.sqlite3")])

    def dump(self) -> Path:
        """The one stored dump: of the only backup since `forget_backups`."""
        [found] = (self.folder / "portal" / "vault").rglob("db.backup")
        return found

    def vault_bytes(self) -> int:
        return sum(path.stat().st_size for path in (self.folder / "portal" / "vault").rglob("*") if path.is_file())

    @staticmethod
    def conninfo(address: DatabaseAddress) -> str:
        return psycopg.conninfo.make_conninfo(
            host=address.host, port=address.port, dbname=address.name, user=address.user
        )


_FORGET = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    for table in (
        *("environments_activity", "backups_generation", "backups_swap", "backups_restore", "backups_upload"),
        *("backups_backup", "environments_operation"),
    ):
        db.execute(f"DELETE FROM {table}")
    db.execute("UPDATE backups_installation SET marked_at = NULL")
"""
