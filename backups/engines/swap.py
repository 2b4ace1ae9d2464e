"""The exchange of a live database: the door is closed, its sessions are ended, two names change in one transaction."""

import time
from collections.abc import Callable

import psycopg
from psycopg import sql

from ..errors import SwapRefused
from .place import Connection, Place
from .sessions import lasting_sessions

TRIES = 3
TRIES_AGAIN_AFTER_SECONDS = 0.5
# Without the server's own workers: nobody else may end autovacuum, and a rename ends it by itself.
END_SESSIONS = """
    SELECT pid, usename, application_name, pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = ANY(%s) AND pid <> pg_backend_pid() AND usename IS NOT NULL
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
        if incoming not in there:  # who takes over what another one does takes the name away; nobody's door is shut
            raise SwapRefused("The database that was to come in is gone. The old data is in place, unchanged.")
        why = ""
        for again in range(TRIES):
            time.sleep(TRIES_AGAIN_AFTER_SECONDS * min(again, 1))
            beat()
            try:
                _swap_once(connection, live, incoming, outgoing)
            except psycopg.Error as error:
                why = _reason(connection, error, live, incoming)
            else:
                return
        open_door(connection, live)
        raise SwapRefused(f"The databases could not be exchanged ({why}). The old data is in place, unchanged.")


def fence(place: Place, *, incoming: str, instead: str) -> None:
    """Give a database that was to come in another name: whoever is still about to exchange it finds it no more.

    Safe to call again. Raises: psycopg.Error
    """
    with place.beside() as connection:
        if incoming in _names(connection, incoming):
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            connection.execute(END_SESSIONS, [[incoming]])
            connection.execute(rename.format(sql.Identifier(incoming), sql.Identifier(instead)))


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


def _reason(connection: Connection, error: psycopg.Error, *databases: str) -> str:
    if lasting := lasting_sessions(connection, databases):
        return f"{len(lasting)} of their sessions cannot be ended from here: {'; '.join(lasting[:5])}"
    return str(error).strip().splitlines()[0].rstrip(".")


def _names(connection: Connection, *names: str) -> set[str]:
    return {str(name) for (name,) in connection.execute(NAMES, [list(names)]).fetchall()}
