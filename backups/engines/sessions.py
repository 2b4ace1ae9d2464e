"""Who else is on a database: the app's sessions, without the portal's own; and those that nobody here may end."""

from collections.abc import Sequence

from environments.addresses import DatabaseAddress

from .connecting import OWN_NAME, visit
from .place import Connection

# Of other roles' sessions a server shows less, but never hides that they are there. Sessions without a person are the
# server's own workers; attempts of operations are named op-….
SESSIONS = """
    SELECT concat_ws(', ', coalesce(nullif(application_name, ''), 'unnamed'), usename, host(client_addr))
    FROM pg_stat_activity
    WHERE datname = current_database() AND usename IS NOT NULL
      AND coalesce(backend_type, 'client backend') = 'client backend'
      AND pid <> pg_backend_pid() AND application_name <> %s AND application_name !~ '^op-[0-9a-f]{32}\\.'
    ORDER BY 1
"""
# As pg_terminate_backend decides: a superuser's only by a superuser, others by members of their role.
LASTING = """
    SELECT concat_ws(', ', coalesce(nullif(application_name, ''), 'unnamed'), usename, host(client_addr))
    FROM pg_stat_activity AS s JOIN pg_roles AS theirs ON theirs.oid = s.usesysid
    CROSS JOIN (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS own
    WHERE datname = ANY(%s) AND pid <> pg_backend_pid() AND NOT own.rolsuper
      AND (theirs.rolsuper OR NOT (pg_has_role(theirs.oid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE')))
    ORDER BY 1
"""


def sessions_of(address: DatabaseAddress) -> list[str]:
    """The sessions on a database as application, person and address, without the portal's own.

    Raises:
        DatabaseUnreachable, PasswordRefused, DatabaseMissing
    """
    with visit(address) as db:
        return [str(session) for (session,) in db.execute(SESSIONS, [OWN_NAME])]


def lasting_sessions(connection: Connection, databases: Sequence[str]) -> list[str]:
    """The sessions on databases that this connection's role may not end, as application, person and address.

    The address is only there where the server shows it to the role. Raises: psycopg.Error
    """
    return [str(session) for (session,) in connection.execute(LASTING, [list(databases)]).fetchall()]
