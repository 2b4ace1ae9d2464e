"""A fresh database beside the live one, loaded from a dump and checked, while the app goes on."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import sql

from environments.addresses import DatabaseAddress

from ..errors import LoadFailed
from .explaining_loads import explained
from .growth import Growth
from .likeness import forget_grants, likeness_of, make_like, take_on
from .loading import Beat, Hold, Loading
from .place import Place, connect, run_beating
from .toc import FIRST, Toc, kind_of
from .tools import Tools

DROP_TRIES = 5
LOAD_ROLE_LIVES = timedelta(hours=24)
CONNECTIONS = 8
# By the role, too: a dump may give its session another name.
END_LABELLED = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s OR usename = %s"


PREPARED = "SELECT gid, database FROM pg_prepared_xacts WHERE owner = %s"
# In a database that somebody else filled, names must not lead to what is defined there.
OWN_WORDS = "SET search_path TO pg_catalog, pg_temp"


@dataclass
class LoadReport:
    """What people should know of a load that succeeded."""

    left_out: list[str] = field(default_factory=list)
    not_made: list[str] = field(default_factory=list)
    not_granted: list[str] = field(default_factory=list)

    @property
    def remarks(self) -> list[str]:
        """All of it, a sentence each."""
        return [*(f"Left out: {entry}." for entry in self.left_out), *self.not_made, *self.not_granted]


def make_staging(place: Place, name: str, *, owner: str = "") -> None:
    """Make an empty database like the live one; an earlier one of this name is dropped first.

    Raises:
        LoadFailed: the server does not let us.
    """
    try:
        with place.beside() as connection:
            like = likeness_of(connection, place.app.name)
            _drop(connection, name)
            make_like(connection, name, like, owner=owner or like.owner, template=place.template)
    except psycopg.Error as error:
        raise LoadFailed(
            f"No database could be made beside the live one: {_first(error)} Nothing was changed."
        ) from None


def make_empty(place: Place, name: str) -> None:
    """Make a database like the live one with nothing in it, ready to take its place.

    Raises:
        LoadFailed, psycopg.Error
    """
    make_staging(place, name)
    _take_on(place, name)


def load(
    place: Place,
    name: str,
    dump: Path,
    tools: Tools,
    *,
    toc: Toc,
    label: str,
    hold: Hold,
    beat: Beat,
    is_untrusted: bool = False,
) -> LoadReport:
    """Load a dump into a fresh staging database; at the end it belongs to the app's role and is like the live one.

    Own backups are loaded logged in as the app's role, and what reaches beyond the database and grants are put back as
    far as that role may. An untrusted dump is loaded logged in as a role made for this one load, which can do nothing
    else; it gets no grants, and nothing that reaches beyond.

    Raises:
        LoadFailed: the first error, in a sentence; the staging database is the caller's to drop.
    """
    loader = _load_role(place, label) if is_untrusted else nullcontext(place.app)
    with explained(place.app), loader as login:
        make_staging(place, name, owner=login.user)
        if is_untrusted:
            beat = Growth(place, name, dump.stat().st_size, beat).beat
        loading = Loading(replace(login, name=name), dump, tools, label, hold, beat, is_untrusted)
        report = _bring(loading, toc)
        if is_untrusted:
            end_sessions(place, label)
        # Still as whoever loaded it: what counts the rows calls the dump's own functions.
        with connect(login, name, label=label) as connection:
            run_beating(connection, "ANALYZE", beat)
        if is_untrusted:
            _hand_over(place, name, login.user, beat)
        else:
            report.not_granted = loading.grant(toc.grants())
        _take_on(place, name)
    return report


def _bring(loading: Loading, toc: Toc) -> LoadReport:
    """Load everything but grants, in passes where something may fail without harm to the rest."""
    report = LoadReport(left_out=toc.left_out(is_untrusted=loading.is_untrusted))
    entries = toc.loadable()
    if loading.is_untrusted:
        loading.bring(entries)
        return report
    if servers := toc.servers():
        first = [line for line in entries if kind_of(line) in FIRST]
        entries = [line for line in entries if kind_of(line) not in FIRST]
        loading.bring(first)
        report.not_made += loading.bring_what_can_be(servers)
    loading.bring(entries)
    report.not_made += loading.bring_what_can_be(toc.watchers())
    return report


def check_staging(place: Place, name: str, toc: Toc) -> None:
    """See that every table the dump names is there.

    Raises:
        LoadFailed
    """
    query = """SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'p')
        AND nspname !~ '^pg_' AND nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')"""
    with place.inside(name, as_app=True) as connection:
        connection.execute(OWN_WORDS)
        found = connection.execute(query).fetchone()
    assert found
    if int(str(found[0])) < toc.tables:
        raise LoadFailed(f"Only {found[0]} of the dump's {toc.tables} tables were loaded. Nothing was changed.")


def drop_database(place: Place, name: str) -> None:
    """Remove a database that is not live, whoever is connected. Nothing there is no error. Raises: psycopg.Error"""
    assert name != place.app.name
    with place.beside() as connection:
        _drop(connection, name)


def drop_role(place: Place, label: str) -> None:
    """Remove the load role of an attempt, and what it still owns. Raises: psycopg.Error"""
    if place.admin is None:
        return
    with place.beside() as connection:
        role = sql.Identifier(role_of(label))
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role_of(label)]).fetchone():
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


def end_sessions(place: Place, label: str) -> None:
    """End the sessions that an attempt left on the server, and what they had prepared. Raises: psycopg.Error"""
    role, password = role_of(label), secrets.token_urlsafe(24)
    with place.beside() as connection:
        connection.execute(END_LABELLED, [label, role])
        prepared = connection.execute(PREPARED, [role]).fetchall()
        if prepared:  # only who prepared a transaction may roll it back, and until then its database cannot go
            until = (datetime.now(UTC) + LOAD_ROLE_LIVES).isoformat()
            words = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {} VALID UNTIL {}")
            connection.execute(words.format(sql.Identifier(role), sql.Literal(password), sql.Literal(until)))
    for name, database in prepared:
        with connect(replace(place.app, user=role, password=password), str(database)) as own:
            own.execute(sql.SQL("ROLLBACK PREPARED {}").format(sql.Literal(name)))


def role_of(label: str) -> str:
    """The load role of an attempt; its label is at most 63 bytes with this."""
    return f"portal_load_{label.removeprefix('op-')[:8]}_{label.rpartition('.')[2]}"


@contextmanager
def _load_role(place: Place, label: str) -> Iterator[DatabaseAddress]:
    """A role for one load: it may log in, and own what it loads; nothing else. Gone afterwards."""
    assert place.admin
    password, role = secrets.token_urlsafe(24), role_of(label)
    until = (datetime.now(UTC) + LOAD_ROLE_LIVES).isoformat()
    drop_role(place, label)
    with place.beside() as connection:
        connection.execute(
            sql.SQL(
                "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS "
                "CONNECTION LIMIT {} VALID UNTIL {} PASSWORD {}"
            ).format(sql.Identifier(role), sql.Literal(CONNECTIONS), sql.Literal(until), sql.Literal(password))
        )
        connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(place.admin.user)))
    try:
        yield replace(place.app, user=role, password=password)
    finally:
        end_sessions(place, label)


def _hand_over(place: Place, name: str, role: str, beat: Beat) -> None:
    """Give everything that a load role owns in the staging database to the app's role, and let the role go.

    The database was the role's own meanwhile, so whatever it set there is taken back.
    """
    load, app, database = sql.Identifier(role), sql.Identifier(place.app.user), sql.Identifier(name)
    with place.beside() as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} RESET ALL").format(database))
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(database))
        connection.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT -1 IS_TEMPLATE false").format(database))
        # What is handed over in no order: a function may come before the schema in which its owner has to have rights.
        connection.execute(sql.SQL("GRANT {} TO {}").format(load, app))
    with place.inside(name) as connection:
        connection.execute(OWN_WORDS)
        run_beating(connection, sql.SQL("REASSIGN OWNED BY {} TO {}").format(load, app), beat)
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, app))
        connection.execute(sql.SQL("DROP OWNED BY {}").format(load))
    with place.beside() as connection:
        connection.execute(sql.SQL("DROP ROLE {}").format(load))
        forget_grants(connection, name)


def _take_on(place: Place, name: str) -> None:
    with place.beside() as connection:
        take_on(connection, name, likeness_of(connection, place.app.name))


def _drop(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    """The server waits five seconds for sessions that it ends; one that writes much may need longer."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    for _ in range(DROP_TRIES - 1):
        try:
            connection.execute(statement)
        except psycopg.errors.ObjectInUse:
            continue
        return
    connection.execute(statement)


def _first(error: psycopg.Error) -> str:
    return f"{str(error).strip().splitlines()[0].rstrip('.')}."
