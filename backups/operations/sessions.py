"""Sessions: who is connected to an environment's database besides the portal."""

import psycopg

from environments.errors import Refused
from environments.models import Environment

from ..engines.connecting import OWN_NAME
from ..engines.place import connect

SESSIONS = """
    SELECT coalesce(nullif(application_name, ''), 'without a name'), usename,
           coalesce(host(client_addr), 'this machine')
    FROM pg_stat_activity
    WHERE datname = %s AND pid <> pg_backend_pid() AND application_name <> %s AND application_name NOT LIKE 'op-%%'
    ORDER BY backend_start
"""


def sessions_of(environment: Environment) -> list[str]:
    """The sessions on the environment's database that are not the portal's, in words.

    A database that cannot be asked has, as far as can be told, nobody on it; whatever follows will say why.
    """
    try:
        address = environment.database_address
        with connect(address, label=OWN_NAME) as connection:
            found = connection.execute(SESSIONS, [address.name, OWN_NAME]).fetchall()
    except (psycopg.Error, Refused):
        return []
    return [f"{name} as {user} from {host}" for name, user, host in found]
