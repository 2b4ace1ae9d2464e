"""An environment into which everything can be uploaded."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from pytest_django import Settings

from environments.models import Environment
from portal.demo.postgres import Postgres
from tests.apps import App

from .uploaded import ROWS, conninfo, fill


@pytest.fixture
def stopped_app(tmp_path: Path) -> App:
    """An app that is stopped."""
    folder = tmp_path / "app"
    folder.mkdir()
    app = App(folder)
    app.flag.unlink()
    return app


@pytest.fixture
def keep(postgres: Postgres) -> Iterator[Callable[[Environment], Environment]]:
    """Gives an environment a maintenance role of its own: LOGIN CREATEDB CREATEROLE, granted the app's role."""
    made: list[str] = []

    def give(environment: Environment) -> Environment:
        address = environment.database_address
        name = f"{address.user}_keeper"
        with psycopg.connect(conninfo(postgres.address()), autocommit=True) as admin:
            admin.execute(f"CREATE ROLE {name} LOGIN CREATEDB CREATEROLE")  # type: ignore[arg-type]
            admin.execute(f"GRANT {address.user} TO {name} WITH ADMIN OPTION")  # type: ignore[arg-type]
        made.append(name)
        environment.admin_address = replace(address, name="postgres", user=name, password="")
        environment.save()
        return environment

    yield give
    with psycopg.connect(conninfo(postgres.address()), autocommit=True) as admin:
        for name in made:
            owned = admin.execute("SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = %s", [name])
            for (database,) in owned.fetchall():
                admin.execute(f'DROP DATABASE "{database}" WITH (FORCE)')
            admin.execute(f"DROP OWNED BY {name}")  # type: ignore[arg-type]
            admin.execute(f"DROP ROLE {name}")  # type: ignore[arg-type]


@pytest.fixture
def target(
    make_place: Callable[..., Environment],
    keep: Callable[[Environment], Environment],
    stopped_app: App,
    settings: Settings,
) -> Environment:
    """A stopped environment with rows and files, into which dumps can be uploaded."""
    settings.ALLOW_OLD_CLIENTS = True  # the embedded programs are older than what is safe with strangers
    environment = keep(make_place(*ROWS, commands=stopped_app.commands, name="Acceptance"))
    fill(environment, "old")
    return environment
