"""A fresh database beside the live one, loaded from a dump and checked, while the app goes on."""

import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import sql

from environments.addresses import DatabaseAddress
from environments.programs import Program, ProgramFailed, pass_file

from ..errors import LoadFailed
from .likeness import likeness_of, make_like, take_on
from .place import Place
from .toc import Toc
from .tools import Tools

JOBS = 2
LOAD_ROLE_LIVES = timedelta(hours=24)
CONNECTIONS = 8
Hold = Callable[[str], None]
Beat = Callable[[], None]
END_LABELLED = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"


@dataclass
class LoadReport:
    """What people should know of a load that succeeded."""

    left_out: list[str] = field(default_factory=list)
    not_granted: list[str] = field(default_factory=list)


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

    Own backups are loaded logged in as the app's role, and their grants put back. An untrusted dump is loaded logged in
    as a role made for this one load, which can do nothing else, and gets no grants.

    Raises:
        LoadFailed: the first error, in a sentence; the staging database is the caller's to drop.
    """
    report = LoadReport(left_out=toc.left_out())
    loader = _load_role(place, label) if is_untrusted else nullcontext(place.app)
    with loader as login:
        make_staging(place, name, owner=login.user)
        arguments = ["--exit-on-error", "--no-owner", "--no-privileges", f"--jobs={JOBS}", "--no-security-labels"]
        arguments += ["--no-publications", "--no-subscriptions", "--no-tablespaces"]
        _restore(replace(login, name=name), dump, tools, arguments, toc.loadable(), label, hold, beat)
        if is_untrusted:
            _hand_over(place, name, login.user)
    if not is_untrusted and toc.grants():
        report.not_granted = _grant(replace(place.app, name=name), dump, tools, toc.grants(), label, hold, beat)
    _finish(place, name)
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
        if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role_of(label)]).fetchone():
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


def end_sessions(place: Place, label: str) -> None:
    """End the sessions that an attempt left on the server. Raises: psycopg.Error"""
    with place.beside() as connection:
        connection.execute(END_LABELLED, [label])


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


def _hand_over(place: Place, name: str, role: str) -> None:
    """Give everything that a load role owns in the staging database to the app's role, and let the role go."""
    load, app = sql.Identifier(role), sql.Identifier(place.app.user)
    with place.inside(name) as connection:
        connection.execute(sql.SQL("REASSIGN OWNED BY {} TO {}").format(load, app))
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(name), app))
        connection.execute(sql.SQL("DROP OWNED BY {}").format(load))
    with place.beside() as connection:
        connection.execute(sql.SQL("DROP ROLE {}").format(load))


def _finish(place: Place, name: str) -> None:
    with place.beside() as connection:
        take_on(connection, name, likeness_of(connection, place.app.name))
    with place.inside(name, as_app=True) as connection:
        connection.execute("ANALYZE")


def _restore(
    login: DatabaseAddress,
    dump: Path,
    tools: Tools,
    arguments: Sequence[str],
    entries: Sequence[str],
    label: str,
    hold: Hold,
    beat: Beat,
) -> None:
    with pass_file(login) as passwords, tempfile.NamedTemporaryFile("w", errors="surrogateescape") as listed:
        listed.write("\n".join(entries) + "\n")
        listed.flush()
        command = [tools.path("pg_restore"), *arguments, f"--use-list={listed.name}", f"--dbname={login.to_url()}"]
        environ = {"PGPASSFILE": str(passwords), "PGAPPNAME": label, "LC_ALL": "C.UTF-8"}
        with Program([*command, str(dump)], environ=environ, label=label, secrets=[login.password]) as program:
            hold(program.child)
            program.wait(beat)
            try:
                program.check()
            except ProgramFailed as failure:
                raise LoadFailed(_explained(failure)) from None


def _grant(
    login: DatabaseAddress, dump: Path, tools: Tools, grants: list[str], label: str, hold: Hold, beat: Beat
) -> list[str]:
    """Put grants back in a pass of their own: a role that is gone must not lose the rest. Returns what failed."""
    try:
        _restore(login, dump, tools, ["--no-owner"], grants, label, hold, beat)
    except LoadFailed as failure:
        return [str(failure)]
    return []


def _explained(failure: ProgramFailed) -> str:
    errors = [line for line in failure.last_words.splitlines() if "error:" in line]
    said = (errors[0] if errors else failure.last_words).removeprefix("pg_restore: ")
    return f"The dump could not be loaded: {said[:500]} Nothing was changed."


def _drop(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _first(error: psycopg.Error) -> str:
    return f"{str(error).strip().splitlines()[0].rstrip('.')}."
