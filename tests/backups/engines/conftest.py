"""Servers that ask for passwords, one of each PostgreSQL major that this machine has."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from psycopg import sql

from backups.engines.connecting import conninfo
from backups.engines.tools import Tools, find_tools
from environments.addresses import DatabaseAddress
from portal.demo.postgres import SUPERUSER, Postgres, server_programs

PASSWORD = "p:a\\s 's%40 \"ü€#/@"
RULES = f"local all {SUPERUSER} trust\nlocal all all scram-sha-256\n"
Make = Callable[..., DatabaseAddress]


def majors() -> dict[str, Path]:
    """The server programs on this machine, by major version; always at least the embedded ones."""
    found = {path.parts[4]: path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")}
    return {**found, "embedded": server_programs()}


@pytest.fixture(scope="session", params=sorted(majors()))
def server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A server on which everybody but the superuser needs a password."""
    folder = Path(settings.DATA_DIR).parent / f"scram-{request.param}"
    with Postgres(folder, programs=majors()[request.param]) as running:
        (folder / "pg_hba.conf").write_text(RULES)
        with superuser(running) as admin:
            admin.execute("SELECT pg_reload_conf()")
        yield running
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def tools(server: Postgres) -> Tools:
    """The client programs that fit the server."""
    with superuser(server) as admin:
        return find_tools(admin.info.server_version // 10_000)


@pytest.fixture
def make(server: Postgres) -> Iterator[Make]:
    """A function that makes a database whose owner needs a password, with statements run by the superuser."""
    made: list[DatabaseAddress] = []

    def make_one(*statements: str, name: str = "", password: str = PASSWORD) -> DatabaseAddress:
        name = name or f"app_{uuid.uuid4().hex[:12]}"
        address = server.address(name, name, password)
        with superuser(server) as admin:
            role = sql.Identifier(name)
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password)))
            made.append(address)
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
        run(server, address, *statements)
        return address

    yield make_one
    with superuser(server) as admin:
        for address in made:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(address.name)))
            admin.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(address.user)))
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(address.user)))


def superuser(server: Postgres, database: str = SUPERUSER) -> psycopg.Connection:
    return psycopg.connect(conninfo(server.address(database)), autocommit=True)


def run(server: Postgres, address: DatabaseAddress, *statements: str) -> None:
    """Run statements in a database as the superuser."""
    with superuser(server, address.name) as admin:
        for statement in statements:
            admin.execute(statement)  # type: ignore[arg-type]


def as_owner(address: DatabaseAddress, **more: str) -> psycopg.Connection:
    return psycopg.connect(conninfo(address), password=address.password, **more)  # type: ignore[arg-type]
