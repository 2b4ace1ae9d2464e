"""What a dump needs of the server it goes to: programs that fit, extensions, languages, a superuser."""

from collections.abc import Iterator

import psycopg

from ..errors import ToolMissing
from .explaining import some_of
from .place import Connection, Place
from .postgresql import Server
from .toc import Toc
from .tools import find_tools

# Its pg_restore begins with a setting that older servers do not know, and ends there.
FIRST_WITH_TRANSACTION_TIMEOUT = 17
# What nobody but a superuser may make, whatever is inside. Extensions are asked for by name.
OF_SUPERUSERS = {
    "PROCEDURAL LANGUAGE": "the language",
    "ACCESS METHOD": "the access method",
    "OPERATOR CLASS": "the operator class",
    "OPERATOR FAMILY": "the operator family",
    "TEXT SEARCH PARSER": "the text search parser",
    "TEXT SEARCH TEMPLATE": "the text search template",
}
EXTENSIONS = """
    SELECT wanted.name, version.superuser AND NOT version.trusted
    FROM unnest(%s::text[]) AS wanted(name)
    LEFT JOIN pg_available_extensions AS known ON known.name = wanted.name
    LEFT JOIN pg_available_extension_versions AS version
      ON version.name = known.name AND version.version = known.default_version
    ORDER BY 1
"""
INSTALLED = "SELECT extname FROM pg_extension"
IS_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = %s"


def needs_of_programs(server: Server) -> Iterator[str]:
    """Why the client programs here cannot load into this server, a sentence each."""
    try:
        tools = find_tools(server.major)
    except ToolMissing as missing:
        yield str(missing)
        return
    if tools.major >= FIRST_WITH_TRANSACTION_TIMEOUT > server.major:
        yield (
            f"The server is PostgreSQL {server.version} and the portal's programs are {tools.version}: what they load "
            f"into servers before {FIRST_WITH_TRANSACTION_TIMEOUT} ends with an error. "
            f"Install postgresql-client-{server.major} on the portal's machine."
        )


def needs_of_extensions(connection: Connection, place: Place, toc: Toc, *, is_untrusted: bool) -> Iterator[str]:
    """What the dump wants and cannot get on this server, all names at once. Raises: psycopg.Error"""
    if not toc.extensions:
        return
    rows = connection.execute(EXTENSIONS, [sorted(set(toc.extensions))]).fetchall()
    if missing := [str(name) for name, is_closed in rows if is_closed is None]:
        yield (
            f"The dump needs extensions that the server does not have: {', '.join(missing)}. "
            "Whoever runs the server can install them."
        )
    ready = set() if is_untrusted else _of_superuser(connection, place, toc)
    closed = [str(name) for name, is_closed in rows if is_closed and name not in ready]
    inside = _inside_template(place) if closed else set()
    if inside is not None and (closed := [name for name in closed if name not in inside]):
        yield (
            f"The dump needs extensions that only a superuser may make: {', '.join(closed)}. "
            "An administrator can make a template database with them inside; name it with --template-database."
        )


def needs_of_objects(connection: Connection, place: Place, toc: Toc, *, is_untrusted: bool) -> Iterator[str]:
    """What the dump holds and the role that loads it may not make. Raises: psycopg.Error"""
    if is_untrusted and (foreign := toc.names_of("FOREIGN TABLE")):
        yield (
            f"The dump holds foreign tables ({some_of(foreign)}), which reach beyond the database; uploaded dumps may "
            "not bring them. Make the dump without them (pg_dump --exclude-table)."
        )
    if not is_untrusted and _is_superuser(connection, place):
        return
    held = [f"{words} {name}" for kind, words in OF_SUPERUSERS.items() for name in toc.names_of(kind)]
    if held:
        yield f"The dump holds what only a superuser may make: {some_of(held)}. Make the dump without it."


def _of_superuser(connection: Connection, place: Place, toc: Toc) -> set[str]:
    return set(toc.extensions) if _is_superuser(connection, place) else set()


def _is_superuser(connection: Connection, place: Place) -> bool:
    found = connection.execute(IS_SUPERUSER, [place.app.user]).fetchone()
    return bool(found and found[0])


def _inside_template(place: Place) -> set[str] | None:
    """The extensions that every new database has from its template; None: nobody may look into it."""
    if not place.template:
        return set()
    try:
        with place.inside(place.template) as connection:
            return {str(name) for (name,) in connection.execute(INSTALLED).fetchall()}
    except psycopg.Error:
        return None
