"""What makes one database like another besides its tables: encoding, collation, owner, settings, grants."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from .place import Connection

# Settings whose value is a list of names: quoted as one word they would break the app.
LISTS = {
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
}

FACTS = """
    SELECT pg_encoding_to_char(encoding), datcollate, datctype, to_jsonb(d) ->> 'datlocprovider',
           coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'), pg_get_userbyid(datdba), datconnlimit,
           shobj_description(oid, 'pg_database'), datacl IS NULL
    FROM pg_database d WHERE datname = %s
"""
SETTINGS = """
    SELECT CASE WHEN setrole = 0 THEN NULL ELSE pg_get_userbyid(setrole) END, unnest(setconfig)
    FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE datname = %s
"""
GRANTS = """
    SELECT CASE WHEN grantee = 0 THEN NULL ELSE pg_get_userbyid(grantee) END, privilege_type, is_grantable
    FROM pg_database d, aclexplode(datacl) WHERE datname = %s AND grantee <> datdba
"""


@dataclass(frozen=True)
class Likeness:
    """A database's nature, as another one can be given it. `settings`: (role or None, name, value)."""

    encoding: str
    collate: str
    ctype: str
    provider: str | None
    locale: str | None
    owner: str
    connection_limit: int
    comment: str | None
    has_plain_grants: bool
    settings: tuple[tuple[str | None, str, str], ...]
    grants: tuple[tuple[str | None, str, bool], ...]


def likeness_of(connection: Connection, database: str) -> Likeness:
    """What a database is like. Raises: LookupError when it is not there; psycopg.Error"""
    facts = connection.execute(FACTS, [database]).fetchone()
    if facts is None:
        raise LookupError(database)
    settings = [
        (role, *str(setting).split("=", 1)) for role, setting in connection.execute(SETTINGS, [database]).fetchall()
    ]
    grants = connection.execute(GRANTS, [database]).fetchall()
    values: tuple[Any, ...] = (*facts, tuple(settings), tuple(grants))
    return Likeness(*values)


def make_like(connection: Connection, database: str, like: Likeness, *, owner: str, template: str = "") -> None:
    """Create an empty database with the same encoding and collation. Raises: psycopg.Error"""
    options = [
        sql.SQL("OWNER {}").format(sql.Identifier(owner)),
        sql.SQL("TEMPLATE {}").format(sql.Identifier(template or "template0")),
        sql.SQL("ENCODING {}").format(like.encoding),
        sql.SQL("LC_COLLATE {}").format(like.collate),
        sql.SQL("LC_CTYPE {}").format(like.ctype),
    ]
    if like.provider == "i":
        options.append(sql.SQL("LOCALE_PROVIDER icu ICU_LOCALE {}").format(like.locale))
    statement = sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(database), sql.SQL(" ").join(options))
    connection.execute(statement)


def forget_grants(connection: Connection, database: str) -> None:
    """Give a database the grants that a new one has. Raises: psycopg.Error"""
    name = sql.Identifier(database)
    for grantee in {grantee for grantee, *_ in connection.execute(GRANTS, [database]).fetchall()}:
        whom = sql.SQL("PUBLIC") if grantee is None else sql.Identifier(str(grantee))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM {} CASCADE").format(name, whom))
    connection.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO PUBLIC").format(name))


def take_on(connection: Connection, database: str, like: Likeness) -> None:
    """Give a database the settings, grants, limit and comment of another one. Raises: psycopg.Error"""
    name = sql.Identifier(database)
    for role, setting, value in like.settings:
        connection.execute(_set(database, role, setting, value))
    if not like.has_plain_grants:
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    for grantee, privilege, is_grantable in like.grants:
        whom = sql.SQL("PUBLIC") if grantee is None else sql.Identifier(grantee)
        more = sql.SQL(" WITH GRANT OPTION") if is_grantable else sql.SQL("")
        words = sql.SQL("GRANT {} ON DATABASE {} TO {}{}")
        connection.execute(words.format(sql.SQL(privilege), name, whom, more))
    if like.connection_limit != -1:
        connection.execute(
            sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(name, sql.Literal(like.connection_limit))
        )
    if like.comment:
        connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(like.comment)))


def settings_not_ours(connection: Connection, database: str, like: Likeness) -> list[str]:
    """The settings that this connection's role may not give to a database, in words. Each is tried and taken back."""
    found = []
    for role, setting, value in like.settings:
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(_set(database, role, setting, value))
        except psycopg.Error:
            found.append(setting if role is None else f"{setting} (of {role})")
    return found


def _set(database: str, role: str | None, setting: str, value: str) -> sql.Composed:
    whose = sql.SQL("DATABASE {}").format(sql.Identifier(database))
    if role is not None:
        whose = sql.SQL("ROLE {} IN DATABASE {}").format(sql.Identifier(role), sql.Identifier(database))
    return sql.SQL("ALTER {} SET {} TO {}").format(whose, sql.Identifier(setting), _value(setting, value))


def _value(setting: str, value: str) -> sql.Composable:
    if setting.lower() not in LISTS:
        return sql.Literal(value)
    return sql.SQL(", ").join(sql.Literal(one) for one in split_names(value)) if value else sql.SQL("''")


def split_names(value: str) -> list[str]:
    """The names in a list as PostgreSQL writes it: `"$user", public`; a doubled quote within quotes is one."""
    names, name, is_quoted = [], "", False
    for character in value:
        if character == '"':
            is_quoted = not is_quoted
            name += character
        elif character == "," and not is_quoted:
            names.append(name)
            name = ""
        else:
            name += character
    return [_unquoted(one.strip()) for one in [*names, name]]


def _unquoted(name: str) -> str:
    if len(name) > 1 and name[0] == name[-1] == '"':
        return name[1:-1].replace('""', '"')
    return name
