"""What a dead attempt left running: its program on this machine, its sessions in the environment's database."""

import contextlib
import logging

import psycopg

from ..errors import Refused
from ..models import Operation
from ..programs import end_child
from .claim import me

CONNECT_WITHIN_SECONDS = 5
END_SESSIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s AND pid <> pg_backend_pid()
"""

logger = logging.getLogger(__name__)


def end_remains(operation: Operation, owner: str) -> None:
    """End what may still work for a dead attempt, before anything is tried again. What cannot be reached is logged."""
    if operation.child and _is_here(owner):
        end_child(operation.child)
    _end_sessions(operation)


def _is_here(owner: str) -> bool:
    """Whether the attempt ran on this machine, since its last start."""
    return owner.rpartition("|")[0] == me().rpartition("|")[0]


def _end_sessions(operation: Operation) -> None:
    try:
        address = operation.environment.database_address
        with (
            contextlib.closing(
                psycopg.connect(
                    host=address.host,
                    port=address.port,
                    dbname=address.name,
                    user=address.user,
                    password=address.password or None,
                    **{**dict(address.options), "connect_timeout": str(CONNECT_WITHIN_SECONDS)},  # type: ignore[arg-type]
                )
            ) as connection,
            connection,
        ):
            connection.execute(END_SESSIONS, [operation.label])
    except (psycopg.Error, Refused) as error:
        logger.warning("The sessions of %s could not be looked for: %s", operation.label, str(error).strip())
