"""Every dump that somebody might make to do harm, or by mistake: what it tries, and how bringing it has to end.

In the statements, @CANARY@ stands for a file that must never come to be, @PORT@ for a port that nobody may call,
@LIVE@ for the live database, @APP@ for the app's role and @OTHER@ for another app's database.
"""

import gzip
from dataclasses import dataclass

from .dumps import PRE, Entry, make_dump, rows_of, run, table

REFUSED, HELD, EITHER = "refused", "held", "either"


@dataclass(frozen=True)
class Hostile:
    """`ends`: refused (then `says` is in the sentence), held (it is put in and has done no harm), or either."""

    title: str
    entries: tuple[Entry, ...]
    says: str = ""
    ends: str = REFUSED

    def __str__(self) -> str:
        return self.title

    def content(self, words: dict[str, str]) -> bytes:
        entries = [Entry(**{**vars(entry), "sql": _filled(entry.sql, words)}) for entry in self.entries]
        return make_dump(*entries)


def _filled(sql: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        sql = sql.replace(f"@{name}@", value)
    return sql


def function(body: str, returns: str = "boolean", marked: str = "") -> Entry:
    """The function evil(): runs something, then says that all is well."""
    value = {"boolean": "true", "trigger": "NEW", "integer": "1", "event_trigger": ""}[returns]
    sql = f"BEGIN {body} RETURN {value}; END"
    return run(
        f"CREATE FUNCTION public.evil() RETURNS {returns} LANGUAGE plpgsql {marked} AS $$ {sql} $$;\n", section=PRE
    )


PROGRAM = "COPY (SELECT 1) TO PROGRAM 'touch @CANARY@';"
READS = "PERFORM pg_read_file('/etc/passwd');"
DENIED = "permission denied"


def statement(title: str, sql: str, says: str = DENIED, ends: str = REFUSED, kind: str = "FUNCTION") -> Hostile:
    return Hostile(title, (table(), rows_of("1"), run(sql, kind)), says, ends)


# Places where code runs while a dump is loaded, each with a program that must not be started.
PLACES = [
    Hostile("a check", (function(PROGRAM), table("id int CHECK (public.evil())"), rows_of("1", after=2)), DENIED),
    Hostile(
        "a default",
        (
            function(PROGRAM),
            table("id int, b boolean DEFAULT public.evil()"),
            run("INSERT INTO public.orders (id) VALUES (1);"),
        ),
        DENIED,
    ),
    Hostile(
        "a generated column",
        (
            function(READS, marked="IMMUTABLE"),
            table("id int, b boolean GENERATED ALWAYS AS (public.evil()) STORED"),
            run("INSERT INTO public.orders (id) VALUES (1);"),
        ),
        DENIED,
    ),
    Hostile(
        "a trigger made before the rows",
        (
            function(PROGRAM, "trigger"),
            table(),
            run(
                "CREATE TRIGGER t BEFORE INSERT ON public.orders FOR EACH ROW EXECUTE FUNCTION public.evil();",
                section=PRE,
            ),
            rows_of("1", after=3),
        ),
        DENIED,
    ),
    Hostile(
        "a rule",
        (
            function(PROGRAM),
            table(),
            run("CREATE RULE r AS ON INSERT TO public.orders DO ALSO SELECT public.evil();", "RULE", section=PRE),
            run("INSERT INTO public.orders VALUES (1);"),
        ),
        DENIED,
    ),
    Hostile(
        "an index",
        (
            function(READS, marked="IMMUTABLE"),
            table(),
            rows_of("1", after=2),
            run("CREATE INDEX i ON public.orders ((public.evil()));"),
        ),
        DENIED,
    ),
    Hostile(
        "a domain",
        (
            function(PROGRAM),
            run("CREATE DOMAIN public.d AS int CHECK (public.evil());", "DOMAIN", "d", PRE),
            table("id public.d"),
            rows_of("1", after=3),
        ),
        DENIED,
    ),
    Hostile(
        "a materialized view",
        (run("CREATE MATERIALIZED VIEW public.v AS SELECT pg_read_file('/etc/passwd');", "MATERIALIZED VIEW", "v"),),
        DENIED,
    ),
    Hostile("a block of its own", (table(), run(f"DO $$ BEGIN {PROGRAM} END $$;")), DENIED),
]

# What the role that loads may not do, hidden in entries of other names.
STATEMENTS = [
    statement("copies to a program", "COPY (SELECT 1) TO PROGRAM 'touch @CANARY@';"),
    statement("copies from a program", "COPY public.orders FROM PROGRAM 'touch @CANARY@; echo 1';"),
    statement("copies from a file", "CREATE TABLE s (t text); COPY s FROM '/etc/passwd';"),
    statement("copies to a file", "COPY (SELECT 1) TO '@CANARY@';"),
    statement("reads a file", "SELECT pg_read_file('/etc/passwd');"),
    statement("reads a file's bytes", "SELECT pg_read_binary_file('/etc/passwd');"),
    statement("lists a folder", "SELECT pg_ls_dir('/');"),
    statement("brings a file in as a large object", "SELECT lo_import('/etc/passwd');"),
    statement("takes a large object out as a file", "SELECT lo_export(lo_from_bytea(0, 'x'), '@CANARY@');"),
    statement("changes the server's settings", "ALTER SYSTEM SET archive_command = 'touch @CANARY@';"),
    statement("has the server read its settings", "SELECT pg_reload_conf();"),
    statement("loads a library", "LOAD '/tmp/evil.so';", "access to library|could not access"),
    statement("sets a library to be loaded", "SET session_preload_libraries = 'evil';"),
    statement("writes a function in C", "CREATE FUNCTION public.c() RETURNS int LANGUAGE c AS '/tmp/evil', 'f';"),
    statement("is superuser", "ALTER ROLE CURRENT_USER SUPERUSER;", "permission denied|must be superuser"),
    statement("may make roles", "ALTER ROLE CURRENT_USER CREATEROLE;", "permission denied|must have"),
    statement("makes a role", "CREATE ROLE evil SUPERUSER LOGIN;"),
    statement("gives itself the files of the server", "GRANT pg_read_server_files TO CURRENT_USER;"),
    statement("gives itself programs", "GRANT pg_execute_server_program TO CURRENT_USER;"),
    statement("gives itself the app's role", 'GRANT "@APP@" TO CURRENT_USER;'),
    statement("becomes the app", 'SET ROLE "@APP@";'),
    statement("becomes the superuser", "SET SESSION AUTHORIZATION postgres;"),
    statement("changes the app's password", "ALTER ROLE \"@APP@\" PASSWORD 'mine';"),
    statement("drops the live database", 'DROP DATABASE "@LIVE@";', "must be owner"),
    statement("renames the live database", 'ALTER DATABASE "@LIVE@" RENAME TO gone;', "must be owner"),
    statement("closes the live database", 'ALTER DATABASE "@LIVE@" ALLOW_CONNECTIONS false;', "must be owner"),
    statement("sets something for the live database", "ALTER DATABASE \"@LIVE@\" SET role = 'x';", "must be owner"),
    statement("comments on the live database", "COMMENT ON DATABASE \"@LIVE@\" IS 'mine';", "must be owner"),
    statement("makes a database", "CREATE DATABASE evil;"),
    statement("makes a place for tables", "CREATE TABLESPACE evil LOCATION '/tmp';"),
    statement("ends everybody's sessions", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity;", "denied|ended"),
    statement(
        "ends its own sessions",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user;",
        "was ended",
    ),
    statement("reads everybody's passwords", "CREATE TABLE p AS SELECT * FROM pg_authid;"),
    statement(
        "an event trigger by another name",
        "CREATE FUNCTION public.e() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;"
        "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.e();",
    ),
    statement(
        "calls another server by dblink", "CREATE EXTENSION dblink;", "permission denied|not available|Only a superuser"
    ),
    statement(
        "calls another server by a foreign table",
        "CREATE EXTENSION postgres_fdw;",
        "permission denied|not available|Only a superuser",
    ),
    statement(
        "calls another server by a subscription",
        "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=@PORT@ user=x dbname=x' PUBLICATION p;",
    ),
    statement("leaves a transaction prepared", "BEGIN; PREPARE TRANSACTION 'evil';", "prepared transactions are"),
    statement("needs an extension that is not there", "CREATE EXTENSION not_there;", "not available"),
    statement(
        "needs a role that is not there",
        "ALTER TABLE public.orders OWNER TO nobody_here;",
        "does not exist|does not have",
    ),
    statement("drops its own table", "DROP TABLE public.orders;", "Only 0 of the dump's 1 tables|does not exist"),
    statement("is not SQL", "DELETE EVERYTHING;", "syntax error"),
]

# What may be loaded, and must not reach beyond.
ONCE_IT_IS_THE_APPS = "IF current_user = '@APP@' THEN EXECUTE 'ALTER ROLE CURRENT_USER PASSWORD ''mine'''; END IF;"
HARMLESS = [
    statement(
        "an event trigger", "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION x();", "", HELD, "EVENT TRIGGER"
    ),
    statement("a publication", "CREATE PUBLICATION p FOR ALL TABLES;", "", HELD, "PUBLICATION"),
    statement(
        "a subscription",
        "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=@PORT@' PUBLICATION p;",
        "",
        HELD,
        "SUBSCRIPTION",
    ),
    statement("a grant to the superuser", "GRANT ALL ON public.orders TO not_there;", "", HELD, "ACL"),
    statement("gives its role up", "RESET ROLE; RESET SESSION AUTHORIZATION;", "", HELD),
    statement("gives its session another name", "SET application_name = 'portal-visit'; LISTEN evil;", "", HELD),
    statement("has no time limit", "SET statement_timeout = 0; SET lock_timeout = 0;", "", HELD),
    statement("never ends its transaction", "BEGIN;", "", EITHER),
    statement(
        "shouts", "DO $$ BEGIN FOR n IN 1..20000 LOOP PERFORM pg_notify('a', n::text); END LOOP; END $$;", "", HELD
    ),
    statement("has large objects", "SELECT count(lo_from_bytea(0, 'x')) FROM generate_series(1, 2000);", "", HELD),
    statement(
        "defines what runs as its owner",
        "CREATE FUNCTION public.d() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';"
        "GRANT EXECUTE ON FUNCTION public.d() TO PUBLIC;"
        "CREATE SCHEMA younger; ALTER FUNCTION public.d() SET SCHEMA younger;",
        "",
        HELD,
    ),
    statement(
        "sets something for its own database",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database());"
        "EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 5', current_database());"
        "EXECUTE format('GRANT ALL ON DATABASE %I TO PUBLIC', current_database()); END $$;",
        "",
        EITHER,
    ),
    statement(
        "lets nobody into its own database",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 0', current_database()); END $$;",
        "",
        EITHER,
    ),
    Hostile(
        "an index that waits for the app's role",
        (
            function(ONCE_IT_IS_THE_APPS, "integer", "IMMUTABLE"),
            table("id int, n int"),
            rows_of(*(f"{number}\t{number}" for number in range(2000)), after=2),
            run("CREATE INDEX i ON public.orders ((n + public.evil()));"),
        ),
        ends=HELD,
    ),
    Hostile(
        "operators in place of the server's own, waiting for the app's role",
        (
            table(),
            run(
                "CREATE FUNCTION public.same(name, name) RETURNS boolean LANGUAGE plpgsql AS"
                f" $$ BEGIN {ONCE_IT_IS_THE_APPS} RETURN true; END $$;"
                "CREATE OPERATOR public.!~ (LEFTARG = name, RIGHTARG = name, FUNCTION = public.same);"
                "CREATE OPERATOR public.<> (LEFTARG = name, RIGHTARG = name, FUNCTION = public.same);"
            ),
        ),
        ends=HELD,
    ),
    Hostile("very many tables", tuple(table(name=f"t{number}") for number in range(600)), ends=HELD),
    Hostile("nothing at all", (run("SELECT 1;"),), ends=HELD),
]
HOSTILE_DUMPS = [*PLACES, *STATEMENTS, *HARMLESS]


def _packed_by(method: int) -> bytes:
    content = make_dump(table(), version=(1, 16))
    return content[:11] + bytes([method]) + content[12:]


def wrong_files(good: bytes) -> dict[str, tuple[bytes, str]]:
    """Files that are no dump that can be read here, with what the sentence says of each. `good` is a real dump."""
    cut = {f"cut at {share} %": (good[: len(good) * share // 100], "cut|end") for share in (3, 10, 30, 50, 70, 90, 99)}
    return {
        **cut,
        "cut by one byte": (good[:-1], "does not read to its end"),
        "a byte": (b"P", "of no known kind"),
        "zeros": (bytes(1024), "a tar archive"),
        "noise behind the first bytes": (b"PGDMP" + bytes(range(256)), "dump"),
        "in plain SQL": (b"--\n-- PostgreSQL database dump\n--\nSELECT 1;\n", "plain SQL"),
        "with a command for psql": (b"\\! touch /tmp/x\nSELECT 1;\n", "of no known kind"),
        "of a whole server": (b"--\n-- PostgreSQL database cluster dump\n--\n", "pg_dumpall"),
        "packed once more": (gzip.compress(good), "gunzip"),
        "of MySQL": (b"-- MySQL dump 10.13\n", "MySQL"),
        "of SQLite": (b"SQLite format 3\0" + bytes(100), "SQLite"),
        "of MongoDB": (b"\x6d\xe2\x99\x81" + bytes(100), "MongoDB"),
        "of SQL Server": (b"TAPE\0\0" + bytes(100), "SQL Server"),
        "of a newer PostgreSQL": (make_dump(table(), version=(1, 17), server="19.1"), "PostgreSQL 19"),
        "of a newer form": (make_dump(table(), version=(2, 0)), "can read up to"),
        "packed by an unknown method": (_packed_by(9), "cut or damaged"),
        "with a list that lies": (make_dump(table())[:-60], "."),
        "an archive of files": (b"PK\3\4" + bytes(100), "a zip archive"),
    }
