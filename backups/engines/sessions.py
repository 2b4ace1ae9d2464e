"""Who else is on a database: the app's sessions, without the portal's own."""

from environments.addresses import DatabaseAddress

from .connecting import OWN_NAME, visit

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


def sessions_of(address: DatabaseAddress) -> list[str]:
    """The sessions on a database as application, person and address, without the portal's own.

    Raises:
        DatabaseUnreachable, PasswordRefused, DatabaseMissing
    """
    with visit(address) as db:
        return [str(session) for (session,) in db.execute(SESSIONS, [OWN_NAME])]
