"""PostgreSQL through pg_dump and pg_restore: looked at, dumped as a stream, read to its end."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from environments.addresses import DatabaseAddress
from environments.programs import Program, ProgramFailed, pass_file

from ..errors import DumpFailed, DumpIncomplete, Failed
from .connecting import conninfo, visit
from .explaining import NOTHING_STORED, explain_dump, some_of
from .sandbox import confined
from .tools import METHODS_SINCE, Tools

# How long a dump waits for a table that the app has locked against every reader.
LOCK_WAIT_SECONDS = 60
FALLBACK = "gzip:1"  # what every pg_dump can write and every pg_restore can read
OLD_DEFAULT_LEVEL = "6"
WATCH_CLIENTS = "client_connection_check_interval"
COMMA_OUTSIDE_QUOTES = r",\s*(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)"
LOCKED = """
    SELECT l.relation::regclass::text, coalesce(nullif(s.application_name, ''), s.usename)
    FROM pg_locks AS l JOIN pg_stat_activity AS s USING (pid) JOIN pg_class AS c ON c.oid = l.relation
    WHERE l.mode = 'AccessExclusiveLock' AND l.granted AND c.relkind IN ('r', 'p')
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY 1
"""
TABLES = r"""
    SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
"""


@dataclass(frozen=True)
class Server:
    """A database's server as it was when looked at.

    is_pooled: the address leads to a pooler, which refuses startup options.
    watches_clients: it can end a session whose client has vanished (14 and newer, on most systems).
    """

    version: str
    major: int
    database_bytes: int
    tables_count: int
    is_pooled: bool = False
    watches_clients: bool = False


def look_at(address: DatabaseAddress) -> Server:
    """Look at a database, within 30 seconds.

    Raises:
        DatabaseUnreachable: no server answers there, or it does not let the role in.
        PasswordRefused: the server does not accept the password, or has no such role.
        DatabaseMissing: the server has no database of this name.
    """
    with visit(address) as db:
        number = db.info.server_version
        found = db.execute(
            "SELECT pg_backend_pid(), pg_database_size(current_database()), count(*) FROM pg_class AS c"
            " JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')"
            r" AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'"
        ).fetchone()
        assert found
        return Server(
            version=_version(number),
            major=number // 10_000,
            database_bytes=found[1],
            tables_count=found[2],
            is_pooled=db.info.backend_pid != found[0],
            watches_clients=_watches_clients(db),
        )


def tables_of(address: DatabaseAddress) -> set[str]:
    """Schema and name of every table, as a dump's list writes them. Raises: as `look_at`."""
    with visit(address) as db:
        return {f"{schema} {name}" for schema, name in db.execute(TABLES)}


def dump_command(
    address: DatabaseAddress,
    tools: Tools,
    *,
    compression: str,
    pass_file: Path,
    label: str,
    server: Server | None = None,
    lock_wait_seconds: int = LOCK_WAIT_SECONDS,
) -> tuple[list[str], dict[str, str]]:
    """The arguments and the whole environment of a dump to stdout. Neither holds the password.

    compression: as in the setting (`zstd:1`); what the client was not built with becomes gzip.
    label: the session's application_name, at most 63 bytes.
    server: as looked at; without it, nothing is asked of the server that not every server knows.
    """
    arguments = [
        tools.path("pg_dump"),
        "--format=custom",
        f"--compress={_compression(compression, tools)}",
        f"--lock-wait-timeout={lock_wait_seconds * 1000}",
        "--no-password",
        f"--dbname={conninfo(address)}",
    ]
    environ = {"PGPASSFILE": str(pass_file), "PGAPPNAME": label, "LC_MESSAGES": "C"}
    if server and server.watches_clients and not server.is_pooled and "options" not in dict(address.options):
        environ["PGOPTIONS"] = f"-c {WATCH_CLIENTS}=1s"
    return arguments, environ


@contextmanager
def dump(
    address: DatabaseAddress,
    tools: Tools,
    *,
    compression: str,
    label: str,
    server: Server | None = None,
    lock_wait_seconds: int = LOCK_WAIT_SECONDS,
) -> Iterator[Program]:
    """A pg_dump that runs, ready to be streamed; leaving the context ends it. Turn its failure over to `explain`."""
    with pass_file(address) as path:
        arguments, environ = dump_command(
            address,
            tools,
            compression=compression,
            pass_file=path,
            label=label,
            server=server,
            lock_wait_seconds=lock_wait_seconds,
        )
        with Program(arguments, environ=environ, label=label, secrets=[address.password]) as program:
            yield program


def explain(failure: ProgramFailed, address: DatabaseAddress) -> DumpFailed:
    """Why a dump failed, in one sentence. May look at the server once more, to see who holds a lock."""
    if "Query was: LOCK TABLE" not in failure.last_words:
        return explain_dump(failure, address)
    if "permission denied" in failure.last_words:
        return explain_dump(failure, address)
    tables, holders = _locked(address, failure.last_words)
    return DumpFailed(
        f"{tables} locked by {holders} for longer than the dump waits. {NOTHING_STORED} "
        "Make the backup again when that has ended."
    )


def check_dump(
    source: Path | Iterable[bytes], tools: Tools, *, label: str = "", beat: Callable[[], None] = lambda: None
) -> None:
    """Read a dump to its end, as a restore would, and throw away what it holds. Memory does not grow with its size.

    source: the dump's file, or its bytes in chunks.

    Raises:
        DumpIncomplete: it is cut, damaged, or no dump in custom format that this pg_restore reads.
    """
    arguments = [tools.path("pg_restore"), "--format=custom", f"--file={os.devnull}"]
    environ = {"LC_MESSAGES": "C"}
    if isinstance(source, Path):
        with (
            source.open("rb") as file,
            Program(arguments, environ=environ, label=label, stdin=file, confined=confined()) as program,
        ):
            _finish(program, beat)
    else:
        with Program(arguments, environ=environ, label=label, stdin=source, confined=confined()) as program:
            _finish(program, beat)


def fill(address: DatabaseAddress, dump: Path, tools: Tools, *, label: str) -> None:
    """Load a dump of our own into an empty database, all of it or nothing.

    Raises:
        DumpIncomplete: with what pg_restore said; the database is as empty as before.
    """
    with pass_file(address) as path, dump.open("rb") as file:
        arguments = [tools.path("pg_restore"), "--exit-on-error", "--single-transaction", "--no-owner"]
        arguments += ["--no-privileges", "--no-password", f"--dbname={conninfo(address)}"]
        environ = {"PGPASSFILE": str(path), "PGAPPNAME": label, "LC_MESSAGES": "C"}
        with Program(arguments, environ=environ, label=label, secrets=[address.password], stdin=file) as program:
            _finish(program, lambda: None)


def _finish(program: Program, beat: Callable[[], None]) -> None:
    program.wait(beat)
    try:
        program.check()
    except ProgramFailed as failure:
        words = failure.last_words.splitlines() or ["it said nothing"]
        said = words[0].removeprefix("pg_restore: error: ")[:200]
        raise DumpIncomplete(f"The dump does not read to its end ({said}). It cannot be restored.") from None


def _compression(wished: str, tools: Tools) -> str:
    method, _, level = wished.partition(":")
    if (method == "zstd" and not tools.has_zstd) or (method == "lz4" and not tools.has_lz4):
        method, _, level = FALLBACK.partition(":")
    if tools.major < METHODS_SINCE:  # knows only gzip, by its level
        return "0" if method == "none" else level or OLD_DEFAULT_LEVEL
    return f"{method}:{level}" if level and method != "none" else method


def _version(number: int) -> str:
    """170010 is 17.10; before 10 there were three parts, 90624 is 9.6.24."""
    first, rest = divmod(number, 10_000)
    return f"{first}.{rest}" if first >= 10 else f"{first}.{rest // 100}.{rest % 100}"


def _watches_clients(db: psycopg.Connection) -> bool:
    """Tried, because it depends on the server's version and on its system."""
    try:
        with db.transaction():
            db.execute(f"SET LOCAL {WATCH_CLIENTS} = '1s'")
    except (psycopg.errors.UndefinedObject, psycopg.errors.InvalidParameterValue):
        return False
    return True


def _locked(address: DatabaseAddress, words: str) -> tuple[str, str]:
    """Which tables, and who holds them: as the server says now, else as far as the program's last words tell."""
    try:
        with visit(address) as db:
            rows = db.execute(LOCKED).fetchall()
    except Failed:
        rows = []
    if rows:
        return _named(sorted({table for table, _ in rows})), some_of(sorted({holder for _, holder in rows}))
    query = words.partition("Query was: LOCK TABLE")[2].partition(" IN ACCESS SHARE MODE")[0]
    asked = [name.strip() for name in re.split(COMMA_OUTSIDE_QUOTES, query) if name.strip()]
    return (_named(asked) if len(asked) == 1 else "A table is"), "another session"


def _named(tables: list[str]) -> str:
    return f"The table {tables[0]} is" if len(tables) == 1 else f"The tables {some_of(tables)} are"
