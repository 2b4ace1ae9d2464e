"""A short visit to a database: within a time limit, and with a sentence for every way of not getting in."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg.conninfo import make_conninfo

from environments.addresses import DatabaseAddress

from .explaining import refusal

CONNECT_WITHIN_SECONDS = 8  # for each address that the host's name stands for
ANSWER_WITHIN_SECONDS = 15
SHUT_AFTER_SECONDS = 18  # the server was asked to give up before; now the line is cut
OWN_NAME = "portal-visit"  # tells it from an app that is called portal
# A server that vanishes while it sends is noticed within two minutes, not after the system's own two hours.
PATIENCE = {"keepalives_idle": "60", "keepalives_interval": "15", "keepalives_count": "4"}


def conninfo(address: DatabaseAddress) -> str:
    """The address as libpq's programs and drivers take it, without the password, whatever the names hold."""
    return make_conninfo(
        **PATIENCE | dict(address.options),
        host=address.host,
        port=address.port,
        dbname=address.name,
        user=address.user,
        connect_timeout=CONNECT_WITHIN_SECONDS,
    )


@contextmanager
def visit(address: DatabaseAddress) -> Iterator[psycopg.Connection]:
    """A connection in one read-only transaction, for a few quick questions.

    Raises:
        DatabaseUnreachable, PasswordRefused, DatabaseMissing: it cannot be asked, or does not answer in time.
    """
    try:
        with (
            psycopg.connect(conninfo(address), password=address.password, application_name=OWN_NAME) as db,
            _cut_after(db, SHUT_AFTER_SECONDS),
        ):
            db.read_only = True
            # Not as a startup option: poolers refuse those.
            db.execute(f"SET LOCAL statement_timeout = '{ANSWER_WITHIN_SECONDS}s'")
            yield db
    except psycopg.Error as error:
        raise refusal(str(error), address) from None


@contextmanager
def _cut_after(db: psycopg.Connection, seconds: float) -> Iterator[None]:
    """Shut the line when the visit takes longer: a server that fell silent would be waited for without end."""
    timer = threading.Timer(seconds, _cut, [db])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(db: psycopg.Connection) -> None:
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(db.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)
