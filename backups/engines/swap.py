"""The exchange of a live database: the door is closed, its sessions are ended, two names change in one transaction."""

from collections.abc import Callable

import psycopg
from psycopg import sql

from ..errors import SwapRefused
from .place import Connection, Place

TRIES = 3
END_SESSIONS = """
    SELECT pid, usename, application_name, pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = ANY(%s) AND pid <> pg_backend_pid()
"""
NAMES = "SELECT datname FROM pg_database WHERE datname = ANY(%s)"


def is_swapped(place: Place, *, incoming: str, outgoing: str) -> bool:
    """Whether the exchange with these names was committed. The renames are one transaction, so names tell it all."""
    with place.beside() as connection:
        there = _names(connection, incoming, outgoing)
    return outgoing in there and incoming not in there


def swap(place: Place, *, live: str, incoming: str, outgoing: str, beat: Callable[[], None] = lambda: None) -> None:
    """Let the database `incoming` be `live`, and the live one `outgoing`. Safe to call again after a kill.

    Raises:
        SwapRefused: it could not be done in three tries; everything is as before, the door is open again.
    """
    with place.beside() as connection:
        there = _names(connection, incoming, outgoing)
        if outgoing in there and incoming not in there:
            open_door(connection, live)
            return
        last: psycopg.Error | None = None
        for _ in range(TRIES):
            beat()
            try:
                _swap_once(connection, live, incoming, outgoing)
            except psycopg.Error as error:
                last = error
            else:
                return
        open_door(connection, live)
        said = str(last).strip().splitlines()[0]
        raise SwapRefused(f"The databases could not be exchanged ({said}). The old data is in place, unchanged.")


def open_door(connection: Connection, database: str) -> None:
    """Let a database be connected to."""
    connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(database)))


def close_door(connection: Connection, database: str) -> None:
    """Let nobody connect any more; who is connected stays."""
    connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(database)))


def _swap_once(connection: Connection, live: str, incoming: str, outgoing: str) -> None:
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    close_door(connection, live)
    connection.execute(END_SESSIONS, [[live, incoming]])
    with connection.transaction():
        connection.execute(rename.format(sql.Identifier(live), sql.Identifier(outgoing)))
        connection.execute(rename.format(sql.Identifier(incoming), sql.Identifier(live)))
        # The one that comes back by an undo was closed when it left.
        open_door(connection, live)


def _names(connection: Connection, *names: str) -> set[str]:
    return {str(name) for (name,) in connection.execute(NAMES, [list(names)]).fetchall()}
