"""Which database an address really leads to, whatever the address is called."""

import psycopg

from environments.addresses import DatabaseAddress

from .connecting import visit

Identity = tuple[int, int]
WHICH = """
    SELECT system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()) FROM pg_control_system()
"""


def identity_of(address: DatabaseAddress) -> Identity | None:
    """The server's own number and the database's; None where the server does not tell (some hosted ones).

    Raises:
        DatabaseUnreachable, PasswordRefused, DatabaseMissing
    """
    with visit(address) as db:
        try:
            row = db.execute(WHICH).fetchone()
        except psycopg.errors.InsufficientPrivilege:
            return None
        return (row[0], row[1]) if row else None
