"""The ground of a benchmark run: a portal of its own, servers of its own, and the fixture, all in one folder."""

import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from environments.addresses import DatabaseAddress
from portal.config import ROOT
from portal.demo.postgres import Postgres

from .measure import Run, run


@dataclass
class Ground:
    """Where a run works. `size` is "small" or "full"."""

    folder: Path
    size: str
    postgres: Postgres = field(init=False)

    @property
    def is_full(self) -> bool:
        return self.size == "full"

    @property
    def allowance(self) -> float:
        """Seconds of start-up taken off ours at the small size, where they would drown what is measured."""
        return 0.0 if self.is_full else 1.5

    def start(self) -> None:
        self.folder.chmod(0o755)
        self.postgres = Postgres(self.folder / "postgres").start()
        os.environ["PORTAL_DATA_DIR"] = str(self.folder / "portal")
        os.environ["PORTAL_PG_BIN"] = str(self.postgres.programs)
        self.manage("migrate", "-v0")
        self.manage("collectstatic", "--noinput", "-v0")

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

    def register(self, environment: str, address: DatabaseAddress, files: Path) -> None:
        files.mkdir(parents=True, exist_ok=True)
        self.manage("register_environment", environment, "--database", address.to_url(), "--files", str(files))

    def forget_backups(self) -> None:
        """No backup was ever made: rows, activity and vault are emptied, the marker with them."""
        portal = self.folder / "portal"
        shutil.rmtree(portal / "vault", ignore_errors=True)
        run([sys.executable, "-c", _FORGET, str(portal / "portal.sqlite3")])

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
    for table in ("environments_activity", "backups_backup", "environments_operation"):
        db.execute(f"DELETE FROM {table}")
    db.execute("UPDATE backups_installation SET marked_at = NULL")
"""
