"""The embedded server: where it can run, what it keeps, and that it never outlives whoever started it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from portal.demo import postgres as postgres_module
from portal.demo.children import wait_until
from portal.demo.failures import PostgresFailed
from portal.demo.places import CHECKOUT, connection_of
from portal.demo.postgres import Postgres
from tests.portal.demo.processes import is_gone

START = (
    "import sys, time; from pathlib import Path; from portal.demo.postgres import Postgres; "
    "print(Postgres(Path(sys.argv[1]), Path(sys.argv[2])).start().child.process.pid, flush=True); time.sleep(60)"
)


@pytest.fixture
def closed_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody but its owner may pass, as the data directory is."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    yield folder


def ask(server: Postgres, statement: str) -> object:
    with psycopg.connect(**connection_of(server.address()), autocommit=True) as connection:
        cursor = connection.execute(statement)  # type: ignore[arg-type]
        return cursor.fetchone() if cursor.description else None


def test_it_serves_from_a_folder_closed_to_others_and_keeps_its_data(closed_folder: Path) -> None:
    with Postgres(closed_folder / "pg") as server:
        ask(server, "CREATE DATABASE kept")

    with Postgres(closed_folder / "pg") as server:
        assert ask(server, "SELECT datname FROM pg_database WHERE datname = 'kept'") == ("kept",)


def test_it_serves_where_namespaces_are_forbidden(closed_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_module, "IN_A_NAMESPACE", ["false"])

    with Postgres(closed_folder / "pg") as server:
        assert ask(server, "SELECT 1") == (1,)


def test_it_ends_when_whoever_started_it_is_killed(closed_folder: Path) -> None:
    (closed_folder / "run").mkdir()
    command = [sys.executable, "-c", START, str(closed_folder / "pg"), str(closed_folder / "run")]
    starter = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE)
    assert starter.stdout is not None
    server = int(starter.stdout.readline())

    starter.kill()
    starter.communicate()

    assert wait_until(lambda: is_gone(server), 10)


def test_it_says_why_it_does_not_start(closed_folder: Path) -> None:
    with Postgres(closed_folder / "pg"):
        pass
    (closed_folder / "pg" / "postgresql.conf").write_text("no_such_setting = 1\n")

    with pytest.raises(PostgresFailed, match="no_such_setting"):
        Postgres(closed_folder / "pg").start()
