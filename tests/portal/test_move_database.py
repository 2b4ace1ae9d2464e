"""move_database: everything the portal knows, moved to PostgreSQL, equal to the last microsecond, and alive there."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db.backends.signals import connection_created
from psycopg import sql

from backups.models import Backup
from environments import clock
from environments.addresses import DatabaseAddress
from environments.lifecycle.signs import REAPER
from environments.models import Environment
from portal.config import ROOT
from portal.moving import TARGET
from tests.conftest import _dsn
from tests.factories import (
    ActivityFactory,
    AppServiceFactory,
    BackupFactory,
    GrantFactory,
    MembershipFactory,
    OperationFactory,
    SignFactory,
)

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 3, 1, 1, 2, 3, 456789, UTC)
Manage = Callable[..., str]


def url_of(address: DatabaseAddress) -> str:
    """With its password, as a person types it."""
    return address.to_url().replace(f"{address.user}@", f"{address.user}:{quote(address.password)}@", 1)


@pytest.fixture
def target(make_database: Callable[..., DatabaseAddress]) -> DatabaseAddress:
    return make_database()


@pytest.fixture
def manage(process_environ: dict[str, str]) -> Manage:
    """Runs manage.py as a person would; `on` is the database of the portal."""

    def run(*arguments: str, on: DatabaseAddress | None = None, given: str = "") -> str:
        environ = process_environ | ({"DATABASE_URL": url_of(on)} if on else {})
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        ended = subprocess.run(command, env=environ, input=given, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return run


def everything(dumped: str) -> list[str]:
    """Every row of every table as Django's own dump has it, in an order of its own."""
    return sorted(json.dumps(row, sort_keys=True) for row in json.loads(dumped))


def rows_of(address: DatabaseAddress, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(_dsn(address)) as own:
        return own.execute(statement).fetchall()  # type: ignore[call-overload, no-any-return]


@contextmanager
def connections_made(wrapper: Callable[..., Any]) -> Iterator[None]:
    """Every statement to the new database passes through this."""

    def on_made(connection: Any, **_: Any) -> None:
        if connection.alias == TARGET:
            connection.execute_wrappers.append(wrapper)

    connection_created.connect(on_made)
    try:
        yield
    finally:
        connection_created.disconnect(on_made)


def fill(place: Environment) -> None:
    """At least a row of what is remembered, in all its forms."""
    for _ in range(3):
        BackupFactory(environment=place, verified=True, pinned=True, created_at=AT)
    BackupFactory(environment=place, failed=True, nightly=True, created_at=AT - timedelta(days=1))
    OperationFactory(
        environment=place,
        queued=True,
        kind="side_quick",
        is_exclusive=False,
        params={"ä": [1, 2.5, None], "a": {"z": 1, "b": 2}},
    )
    MembershipFactory(app=place.app)
    GrantFactory(environment=place)
    AppServiceFactory(environment=place)
    ActivityFactory(environment=place, sentence="Größe: 3 × 8 MiB – “fine” 🙂")


def test_everything_arrives_as_it_was_and_the_portal_lives_on_there(
    make_place: Callable[..., Environment], target: DatabaseAddress, manage: Manage
) -> None:
    place = make_place("CREATE TABLE orders (id int)", "INSERT INTO orders VALUES (7)")
    (Path(place.files_directory) / "one.txt").write_text("one")
    manage("create_backup", str(place), "--here")
    fill(place)
    before = everything(manage("dumpdata", "--all"))

    said = manage("move_database", "-", given=f"{url_of(target)}\n")

    assert f"Moved {len(before):,} rows of" in said and "password" in said
    assert target.password not in said and quote(target.password) not in said
    assert everything(manage("dumpdata", "--all", on=target)) == before == everything(manage("dumpdata", "--all"))
    assert rows_of(
        target, "SELECT count(*) FROM backups_backup WHERE created_at = '2026-03-01 01:02:03.456789+00'"
    ) == [(3,)]
    assert has_free_numbers(target)

    made = json.loads(manage("create_backup", str(place), "--here", "--json", on=target))
    orders = DatabaseAddress.parse(place.database).with_password(place.database_address.password)
    with psycopg.connect(_dsn(orders), autocommit=True) as own:
        own.execute("DELETE FROM orders")
    manage("restore_backup", made["id"], "--to", str(place), "--app-is-stopped", "--here", on=target)
    assert rows_of(orders, "SELECT id FROM orders") == [(7,)]
    assert Backup.objects.count() == 5  # the old database knows nothing of it


def has_free_numbers(address: DatabaseAddress) -> bool:
    """Whether each table's next number is one that nobody has."""
    columns = rows_of(
        address,
        "SELECT table_name, column_name, pg_get_serial_sequence(quote_ident(table_name), column_name)"
        " FROM information_schema.columns WHERE is_identity = 'YES' AND table_schema = 'public'",
    )
    taken = []
    with psycopg.connect(_dsn(address), autocommit=True) as own:
        for table, column, sequence in columns:
            most = sql.SQL("SELECT coalesce(max({}), 0), nextval({}) FROM {}")
            ask = most.format(sql.Identifier(column), sql.Literal(sequence), sql.Identifier(table))
            [(highest, following)] = own.execute(ask).fetchall()
            taken += [table] if following <= highest else []
    return bool(columns) and taken == []


def test_a_target_that_is_not_empty_is_refused(make_database: Callable[..., DatabaseAddress]) -> None:
    target = make_database("CREATE TABLE somebody (id int)")

    with pytest.raises(CommandError, match=r"is not empty: it holds 1 tables, such as somebody"):
        call_command("move_database", url_of(target))

    assert rows_of(target, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == [("somebody",)]


def test_a_target_that_does_not_answer_is_refused(environment: Environment) -> None:
    with pytest.raises(CommandError, match=r"postgresql://me@127.0.0.1:1/there does not answer: .*refused") as refusal:
        call_command("move_database", "postgresql://me:s3cret@127.0.0.1:1/there")

    assert "s3cret" not in str(refusal.value)


def test_it_is_refused_while_workers_run(target: DatabaseAddress) -> None:
    SignFactory(name=REAPER)

    with pytest.raises(CommandError, match=r"^Workers run: they showed themselves \d+ s ago\. Stop all of them"):
        call_command("move_database", url_of(target))


def test_it_is_refused_while_something_is_done_by_hand(target: DatabaseAddress, environment: Environment) -> None:
    running = OperationFactory(environment=environment, running=True, lease_until=clock.now() + timedelta(minutes=1))

    with pytest.raises(CommandError, match=f"The operation {running.pk} is under way"):
        call_command("move_database", url_of(target))


def is_empty(target: DatabaseAddress) -> bool:
    return rows_of(target, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []


def test_what_arrives_changed_is_named_and_leaves_the_target_empty(
    target: DatabaseAddress, environment: Environment
) -> None:
    def forgets(run: Callable[..., Any], statement: str, *rest: Any) -> Any:
        """A database that takes what has happened and keeps none of it."""
        found = run(statement, *rest)
        if statement.startswith('INSERT INTO "environments_activity"'):
            run('DELETE FROM "environments_activity"', None, False, rest[-1])
        return found

    ActivityFactory(environment=environment)
    with connections_made(forgets), pytest.raises(CommandError) as refusal:
        call_command("move_database", url_of(target))

    assert str(refusal.value).startswith("The table environments_activity did not arrive as it was. Nothing was moved")
    assert is_empty(target)


if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):

    @pytest.mark.parametrize("words", ["with a \0 in it", "Long " * 50], ids=["zero byte", "too long"])
    def test_what_only_sqlite_takes_is_named_and_leaves_the_target_empty(
        target: DatabaseAddress, environment: Environment, words: str
    ) -> None:
        ActivityFactory(environment=environment, actor_name=words)

        with pytest.raises(CommandError, match=r"^The table environments_activity could not be copied: .+ Nothing was"):
            call_command("move_database", url_of(target))

        assert is_empty(target)
