"""A place of the demo gives its app what a real one would have: a database, two roles, a directory."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from portal.demo.children import Child, wait_until
from portal.demo.folder import Folder
from portal.demo.places import LIVE, Ground, connection_of
from portal.demo.postgres import Postgres
from portal.demo.supervisor import Supervisor


@pytest.fixture
def ground(tmp_path: Path, postgres: Postgres) -> Iterator[Ground]:
    folder = Folder(tmp_path / "100% demo")
    folder.take()
    ground = Ground(LIVE, folder, postgres)
    ground.make()
    yield ground
    with psycopg.connect(**connection_of(postgres.address()), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(LIVE.database)))
        for role in (LIVE.database, LIVE.keeper):
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def test_the_maintenance_role_may_make_and_rename_databases_for_the_app(ground: Ground) -> None:
    with psycopg.connect(**connection_of(ground.keeper_address) | {"dbname": "postgres"}, autocommit=True) as keeper:
        keeper.execute("CREATE DATABASE staging OWNER order_desk_live TEMPLATE template0")
        keeper.execute("ALTER DATABASE staging RENAME TO staging_2")
        keeper.execute("DROP DATABASE staging_2")
        row = keeper.execute("SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user").fetchone()

    assert row == (False, True)


def test_making_it_again_changes_nothing(ground: Ground) -> None:
    with psycopg.connect(**ground.connection, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (id int)")
    settings = ground.settings_file.read_text()

    ground.make()

    assert ground.settings_file.read_text() == settings
    with psycopg.connect(**ground.connection) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_its_password_is_readable_by_the_owner_only(ground: Ground) -> None:
    assert json.loads(ground.settings_file.read_text())["database"]["password"]
    assert ground.settings_file.stat().st_mode & 0o777 == 0o600


def test_supervisord_says_whether_the_app_runs_and_stops_and_starts_it(ground: Ground, tmp_path: Path) -> None:
    (sockets := tmp_path / "run").mkdir()
    supervisor = Supervisor(tmp_path / "100% demo", sockets, tmp_path / "100% demo" / "logs")
    supervisor.write([ground])
    child = Child("supervisord", supervisor.arguments(), log=tmp_path / "log")

    def status() -> int:
        return exit_code(supervisor.command("status", "live"))

    try:
        assert wait_until(lambda: status() == 0, 20), child.last_words()
        assert exit_code(supervisor.command("stop", "live")) == 0
        assert status() == 3
        assert exit_code(supervisor.command("start", "live")) == 0
        assert status() == 0
    finally:
        child.end()


def exit_code(command: str) -> int:
    return subprocess.run(command, shell=True, capture_output=True).returncode  # noqa: S602 - our own line
