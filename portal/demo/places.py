"""The three environments of the demo's app: where each runs, what it needs, how it is made."""

import json
import secrets
import shlex
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from environments.addresses import DatabaseAddress

from .folder import Folder, write_private
from .postgres import Postgres

APP, APP_NAME = "order-desk", "Order Desk"
CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Place:
    """One environment. `orders_a_day` and `pictures` say how large its data grows."""

    slug: str
    name: str
    region: str
    cloud_version: str
    is_production: bool
    history: timedelta
    orders_a_day: int
    pictures: int

    def __str__(self) -> str:
        return f"{APP}/{self.slug}"

    @property
    def database(self) -> str:
        return f"{APP}_{self.slug}".replace("-", "_")

    @property
    def keeper(self) -> str:
        """The maintenance role."""
        return f"{self.database}_keeper"


LIVE = Place("live", "Live", "europe", "v4", True, timedelta(days=364), 150, 36)
ACCEPTANCE = Place("acceptance", "Acceptance", "us-east", "v4", False, timedelta(days=75), 70, 20)
TEST = Place("test", "Test", "asia-pacific", "v4", False, timedelta(days=23), 30, 9)
PLACES = (LIVE, ACCEPTANCE, TEST)


class Ground:
    """A place on this machine: its folder, its port, its passwords."""

    def __init__(self, place: Place, folder: Folder, server: Postgres) -> None:
        self.place, self.server = place, server
        self.path = folder.path / "apps" / place.slug
        self.files = self.path / "files"
        self.settings_file = self.path / "app.json"
        self.model_file = self.path / "model-version"
        self.port = folder.port_for(place.slug)
        passwords: dict[str, str] = folder.read().get("database_passwords", {})
        for role in (place.database, place.keeper):
            passwords.setdefault(role, secrets.token_urlsafe(18))
        folder.keep(database_passwords=passwords)
        self.address = server.address(place.database, place.database, passwords[place.database])
        self.keeper_address = server.address(place.database, place.keeper, passwords[place.keeper])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def connection(self) -> dict[str, Any]:
        """The app's own address, as psycopg takes it."""
        return connection_of(self.address)

    def make(self) -> None:
        """The app's directory, database and roles, and its settings. Safe to repeat."""
        self.files.mkdir(mode=0o755, parents=True, exist_ok=True)
        with psycopg.connect(**connection_of(self.server.address()), autocommit=True) as admin:
            _make_role(admin, self.address, "LOGIN CREATEDB")
            _make_role(admin, self.keeper_address, "LOGIN CREATEDB CREATEROLE")
            admin.execute(
                sql.SQL("GRANT {} TO {} WITH ADMIN OPTION").format(
                    sql.Identifier(self.place.database), sql.Identifier(self.place.keeper)
                )
            )
            _make_database(admin, self.place.database)
        write_private(self.settings_file, json.dumps(self._settings(), indent=2))

    def command(self) -> str:
        """How supervisord runs the app."""
        return shlex.join([sys.executable, "-m", "portal.demo.toy", str(self.settings_file)])

    def _settings(self) -> dict[str, Any]:
        return {
            "app": APP_NAME,
            "place": self.place.name,
            "is_production": self.place.is_production,
            "port": self.port,
            "database": self.connection,
            "files": str(self.files),
            "model_file": str(self.model_file),
        }


def connection_of(address: DatabaseAddress) -> dict[str, Any]:
    parts: dict[str, Any] = {"host": address.host, "port": address.port, "dbname": address.name, "user": address.user}
    return parts | ({"password": address.password} if address.password else {})


def _make_role(admin: psycopg.Connection, address: DatabaseAddress, rights: str) -> None:
    there = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [address.user]).fetchone()
    verb = sql.SQL("ALTER ROLE" if there else "CREATE ROLE")
    admin.execute(
        sql.SQL("{} {} {} PASSWORD {}").format(
            verb, sql.Identifier(address.user), sql.SQL(rights), sql.Literal(address.password)
        )
    )


def _make_database(admin: psycopg.Connection, name: str) -> None:
    if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        admin.execute(sql.SQL("CREATE DATABASE {0} OWNER {0}").format(sql.Identifier(name)))
