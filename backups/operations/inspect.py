"""Inspect: whether what is registered can be reached and a database is nobody else's; what may be done there."""

from collections.abc import Iterator

import psycopg

from environments.errors import Refused, RegistrationRefused
from environments.inspections import DATABASE, FILES, register_inspection, register_session_counter
from environments.models import Environment

from ..engines.hidden import what_is_hidden
from ..engines.identity import Identity, identity_of
from ..engines.place import SAID, Place, level_of
from ..engines.postgresql import look_at
from ..engines.sessions import sessions_of
from ..engines.tools import find_tools
from ..errors import Failed
from ..storage.documents_store import store_of

POOLED = (
    "The address leads through a pooler: backups can be made so, but nothing can be restored; "
    "register the server's own address."
)


def inspect_database(environment: Environment) -> list[str]:
    """Look at an environment's database; returns remarks, the first one says what it is.

    Raises:
        RegistrationRefused: it cannot be reached, is another environment's, or no client program fits.
    """
    try:
        return list(_remarks(environment))
    except Failed as error:
        raise RegistrationRefused(str(error)) from None


def inspect_files(environment: Environment) -> list[str]:
    """Look at the bucket of an environment's uploaded files; a directory is looked at by whoever registers it.

    Raises:
        RegistrationRefused: it cannot be reached, or not with this key.
    """
    address = environment.files_address
    if not address.is_s3:
        return []
    try:
        is_anything_there = store_of(address).hurried().look()
    except Failed as error:
        raise RegistrationRefused(str(error)) from None
    if is_anything_there:
        return ["The store of uploaded files answers."]
    return [f"Nothing lies in {address} yet; where there should be files, correct the prefix."]


def _remarks(environment: Environment) -> Iterator[str]:
    address = environment.database_address
    server = look_at(address)
    tools = find_tools(server.major)
    _check_it_is_its_own(environment)
    yield (
        f"PostgreSQL {server.version}, {server.tables_count:,} tables, {server.database_bytes / 1e6:,.2f} MB; "
        f"client programs {tools.version}."
    )
    yield from what_is_hidden(address)
    if server.is_pooled:
        yield POOLED
    else:
        yield _what_can_be_put_back(environment)


def _check_it_is_its_own(environment: Environment) -> None:
    """Addresses may differ and lead to one database; its name is the same by every way."""
    name = environment.plain_address.name
    others = Environment.objects.registered().select_related("app").exclude(pk=environment.pk)
    namesakes = [other for other in others if other.plain_address.name == name]
    own = identity_of(environment.database_address) if namesakes else None
    for other in namesakes:
        if own and own == _identity_of(other):
            raise RegistrationRefused(
                f"The database {environment.plain_address} is already that of {other}, by another address. "
                "Nothing was changed; every environment needs a database of its own."
            )


def _identity_of(other: Environment) -> Identity | None:
    """None when it cannot be asked now: that is no reason to refuse somebody else."""
    try:
        return identity_of(other.database_address)
    except (Failed, Refused):
        return None


def _what_can_be_put_back(environment: Environment) -> str:
    place = Place(environment.database_address, environment.admin_address, environment.template_database)
    try:
        return SAID[level_of(place)]
    except psycopg.OperationalError as error:
        if environment.admin_address is None:
            return f"What can be restored here could not be seen ({_first(error)})."
        raise RegistrationRefused(
            f"The maintenance role cannot be used ({_first(error)}). Nothing was changed."
        ) from None


def _sessions(environment: Environment) -> list[str]:
    return sessions_of(environment.database_address)


def _first(error: psycopg.Error) -> str:
    return str(error).strip().splitlines()[0]


register_inspection(inspect_database, of=DATABASE)
register_inspection(inspect_files, of=FILES)
register_session_counter(_sessions)
