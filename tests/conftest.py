"""What every test may ask for: a PostgreSQL server, databases on it, environments, and the cast."""

import gc
import os
import shutil
import signal
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import hypothesis
import psycopg
import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from psycopg import sql

from environments.addresses import DatabaseAddress
from environments.models import Environment
from portal.demo.postgres import Postgres
from tests import emptied
from tests.factories import EnvironmentFactory

pytest_plugins = ["tests.cast", "tests.workers", "tests.redis_server", "tests.stores.fixtures"]

emptied.install()

# A background job of a shell is born deaf to Ctrl-C, and so are its children: tests that press it would never end.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Machines are shared: no example fails for being slow. `make properties` takes the thorough profile.
hypothesis.settings.register_profile("quick", deadline=None, max_examples=60)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=2_000)
hypothesis.settings.load_profile("quick")


def pytest_collection_finish() -> None:
    """A tenth of the time went into looking for garbage, above all among what lives as long as the run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 20)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Tests side by side have to be called the same everywhere, whatever moment or bytes they are made of."""
    return argname if isinstance(val, (bytes, datetime, dict)) else None


@pytest.fixture(scope="session")
def django_db_modify_db_settings_parallel_suffix() -> None:
    """Tests side by side have a data directory each; a suffix would hide the database from processes they start."""


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL 17 server for the apps' databases, of this run alone."""
    folder = Path(settings.DATA_DIR).parent / "apps-postgres"
    with Postgres(folder) as server:
        yield server


@pytest.fixture
def make_database(postgres: Postgres) -> Iterator[Callable[..., DatabaseAddress]]:
    """A function that makes a fresh database with a role of its own (LOGIN CREATEDB) as its owner."""
    made: list[tuple[str, str]] = []

    def make(*statements: str) -> DatabaseAddress:
        name = f"app_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(_dsn(postgres.address()), autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD 'pä:ss\\word'").format(sql.Identifier(name)))
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(name)))
        made.append((name, name))
        address = postgres.address(name, name, "pä:ss\\word")
        with psycopg.connect(_dsn(address), autocommit=True) as own:
            for statement in statements:
                own.execute(statement)  # type: ignore[arg-type]
        return address

    yield make
    with psycopg.connect(_dsn(postgres.address()), autocommit=True) as admin:
        for _, role in made:
            # All of them: a restore keeps the database that left beside the live one.
            owned = "SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = %s"
            for (database,) in admin.execute(owned, [role]).fetchall():
                admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))
            admin.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)))
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def _dsn(address: DatabaseAddress) -> str:
    return psycopg.conninfo.make_conninfo(
        host=address.host, port=address.port, dbname=address.name, user=address.user, password=address.password or None
    )


@pytest.fixture
def process_environ() -> dict[str, str]:
    """The environment in which a manage.py of its own sees this test's database and data directory."""
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "portal.settings"}
    if connection.vendor == "postgresql":
        own = connection.settings_dict
        environ["DATABASE_URL"] = DatabaseAddress(own["HOST"], own["PORT"], own["NAME"], own["USER"]).to_url()
    return environ


@pytest.fixture
def make_place(db: None, make_database: Callable[..., DatabaseAddress], tmp_path: Path) -> Callable[..., Environment]:
    """A function that makes a real environment: a database with these statements run, and a folder of files."""

    def make(*statements: str, **fields: object) -> Environment:
        files = tmp_path / f"files-{uuid.uuid4().hex[:8]}"
        files.mkdir()
        environment: Environment = EnvironmentFactory.create(files_directory=str(files), **fields)
        environment.database_address = make_database(*statements)
        environment.save()
        return environment

    return make


@pytest.fixture
def workers_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages look at the workers once and not again: what a page costs does not depend on the machine's pace."""
    monkeypatch.setattr("portal.navigation.WORKERS_FOR_SECONDS", 24 * 3600)


@pytest.fixture(autouse=True)
def _empty_vault() -> Iterator[None]:
    """Every test begins with a vault in which nothing was ever written, and nothing that anybody uploaded."""
    yield
    cache.clear()  # failed sign-ins are counted there
    shutil.rmtree(settings.VAULT_LOCATION, ignore_errors=True)
    shutil.rmtree(Path(settings.DATA_DIR) / "uploads", ignore_errors=True)
