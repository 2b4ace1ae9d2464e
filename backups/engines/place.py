"""The server place of an environment's database: who may do what there, and a door for each."""

import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum

import psycopg
from psycopg import pq, sql

from environments.addresses import DatabaseAddress

from .connecting import OWN_NAME

CONNECT_WITHIN_SECONDS = 10
LOOK_EVERY_SECONDS = 0.5
NEUTRAL = "postgres"

Connection = psycopg.Connection[tuple[object, ...]]


class Level(StrEnum):
    """How much the roles that the portal knows can put back."""

    FULL = "full"
    OWN_BACKUPS = "own backups"
    NONE = "none"


SAID = {
    Level.FULL: "Backups and uploaded dumps can be put back.",
    Level.OWN_BACKUPS: (
        "The portal's own backups can be put back; uploaded database dumps are refused, because no maintenance role is "
        "registered. Give one with --admin-database (LOGIN CREATEDB CREATEROLE, granted the app's role)."
    ),
    Level.NONE: (
        "Nothing can be put back: neither the app's role has CREATEDB, nor is a maintenance role registered. "
        "Run ALTER ROLE … CREATEDB, or give one with --admin-database."
    ),
}


@dataclass(frozen=True)
class Place:
    """`app` is the app's own login and database; `admin` the maintenance role's, where there is one.

    `template`: the database that new ones are made from, where an administrator prepared one.
    """

    app: DatabaseAddress
    admin: DatabaseAddress | None = None
    template: str = ""

    @property
    def keeper(self) -> DatabaseAddress:
        """Whoever may make and rename databases here."""
        return self.admin or self.app

    @contextmanager
    def beside(self) -> Iterator[Connection]:
        """A session of the keeper outside the app's database: a database with sessions cannot be renamed."""
        names = [self.keeper.name, NEUTRAL, "template1"]
        with connect(self.keeper, next(name for name in names if name != self.app.name)) as connection:
            yield connection

    @contextmanager
    def inside(self, database: str, *, as_app: bool = False) -> Iterator[Connection]:
        """A session in a database: the keeper's, or the app role's."""
        with connect(self.app if as_app else self.keeper, database) as connection:
            yield connection


@contextmanager
def connect(address: DatabaseAddress, database: str = "", *, label: str = OWN_NAME) -> Iterator[Connection]:
    """A session that commits every statement by itself. Raises: psycopg.Error"""
    address = replace(address, name=database or address.name)
    options = {"connect_timeout": str(CONNECT_WITHIN_SECONDS), **dict(address.options)}
    with psycopg.connect(
        host=address.host,
        port=address.port,
        dbname=address.name,
        user=address.user,
        password=address.password or None,
        application_name=label,
        autocommit=True,
        **options,  # type: ignore[arg-type]
    ) as connection:
        yield connection


def run_beating(connection: Connection, statement: str | sql.Composable, beat: Callable[[], None]) -> None:
    """Run a statement that may take long, beating all the while. When `beat` raises, the statement is given up.

    Raises:
        psycopg.Error, and whatever `beat` raises.
    """
    text = statement.as_string(connection) if isinstance(statement, sql.Composable) else statement
    line = connection.pgconn
    line.send_query(text.encode())
    try:
        while line.is_busy():
            select.select([line.socket], [], [], LOOK_EVERY_SECONDS)
            line.consume_input()
            beat()
    except BaseException:
        connection.cancel_safe(timeout=CONNECT_WITHIN_SECONDS)
        raise
    error: psycopg.Error | None = None
    while result := line.get_result():
        if result.status == pq.ExecStatus.FATAL_ERROR:
            error = psycopg.errors.error_from_result(result)
    if error is not None:
        raise error


RIGHTS = """
    SELECT rolsuper, rolcreatedb, rolcreaterole, pg_has_role(current_user, %s, 'MEMBER')
    FROM pg_roles WHERE rolname = current_user
"""


def level_of(place: Place) -> Level:
    """What can be put back here, by the rights of the roles that are known. Raises: psycopg.Error"""
    with place.beside() as connection:
        found = connection.execute(RIGHTS, [place.app.user]).fetchone()
    assert found
    is_super, may_make_databases, may_make_roles, is_member = found
    if not (may_make_databases or is_super) or not (is_member or is_super):
        return Level.NONE
    return Level.FULL if place.admin and (may_make_roles or is_super) else Level.OWN_BACKUPS
