"""What of a dump is put back: of our own everything as far as the roles allow; of others nothing that reaches out."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from backups.engines import staging, swap
from backups.engines.explaining_loads import explain_load, explain_losses
from backups.engines.place import Place
from backups.engines.toc import parse_toc, read_toc
from backups.engines.tools import Tools
from backups.errors import DumpTooNew, LoadFailed
from environments.addresses import DatabaseAddress
from environments.programs import ProgramFailed
from portal.demo.postgres import Postgres
from tests import fingerprint

from .test_staging import MakeDatabase, dump_of, keeper, load, postgres_conninfo, tools

__all__ = ["keeper", "tools"]
Keeper = Callable[[DatabaseAddress], Place]
SECRET = "hunter2"
BEYOND = (
    "CREATE TABLE orders (id int PRIMARY KEY)",
    "CREATE PUBLICATION narrow FOR TABLE orders",
    "CREATE PUBLICATION everything FOR ALL TABLES",
    "COMMENT ON PUBLICATION everything IS 'for the warehouse'",
    "CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
    "CREATE EVENT TRIGGER watchman ON ddl_command_end EXECUTE FUNCTION watch()",
    "COMMENT ON EVENT TRIGGER watchman IS 'who changed what'",
    "CREATE SUBSCRIPTION stock CONNECTION 'host=/nonexistent' PUBLICATION p WITH (connect = false)",
    "CREATE EXTENSION postgres_fdw",
    "COMMENT ON EXTENSION postgres_fdw IS 'elsewhere'",
    "CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '/nonexistent')",
    f"CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (user 'who', password '{SECRET}')",
)


@pytest.fixture
def admin(postgres: Postgres) -> Callable[..., None]:
    """Runs statements as the superuser, in a database."""

    def run(database: str, *statements: str) -> None:
        with psycopg.connect(postgres_conninfo(postgres.address(database)), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[arg-type]

    return run


def whole(app: DatabaseAddress, folder: Path) -> Path:
    """A dump by the superuser, in which nothing is missing."""
    return dump_of(replace(app, user="postgres", password=""), folder)


def found(place: Place, database: str, query: str) -> list[object]:
    with place.inside(database, as_app=True) as connection:
        return [one for (one,) in connection.execute(query).fetchall()]  # type: ignore[arg-type]


@pytest.fixture
def reaching(make_database: MakeDatabase, admin: Callable[..., None], keeper: Keeper) -> Iterator[Place]:
    """A place whose database has everything that reaches beyond it, and a template with what only superusers make."""
    template, app = make_database().name, make_database()
    admin(app.name, *BEYOND, f"ALTER TABLE orders OWNER TO {app.user}", f"ALTER PUBLICATION narrow OWNER TO {app.user}")
    admin(template, "CREATE EXTENSION postgres_fdw", f"GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO {app.user}")
    admin("postgres", f"ALTER DATABASE {template} IS_TEMPLATE true")
    yield replace(keeper(app), template=template)
    admin("postgres", f"ALTER DATABASE {template} IS_TEMPLATE false")


@pytest.fixture
def dump(reaching: Place, admin: Callable[..., None], tmp_path: Path) -> Path:
    """That database's dump; the subscription is gone, so that the test's databases can be dropped."""
    dumped = whole(reaching.app, tmp_path)
    admin(reaching.app.name, "ALTER SUBSCRIPTION stock SET (slot_name = NONE)", "DROP SUBSCRIPTION stock")
    return dumped


def test_our_own_is_put_back_as_far_as_the_role_may_and_the_rest_is_told(
    reaching: Place, dump: Path, tools: Tools
) -> None:
    name = f"{reaching.app.name}_in"

    remarks = load(reaching, dump, tools, name).remarks

    assert found(reaching, name, "SELECT pubname FROM pg_publication") == ["narrow"]
    assert found(reaching, name, "SELECT srvname FROM pg_foreign_server") == ["elsewhere"]
    assert found(reaching, name, "SELECT count(*) FROM pg_user_mappings") == [1]
    told = " ".join(remarks)
    assert "Left out: SUBSCRIPTION - stock postgres." in remarks
    assert "Not put back: CREATE EVENT TRIGGER watchman ON ddl_command_end (permission denied" in told
    assert "Not put back: CREATE PUBLICATION everything FOR ALL TABLES" in told
    assert len(remarks) == 3
    assert SECRET not in told
    staging.drop_database(reaching, name)


def test_of_an_uploaded_dump_nothing_that_reaches_beyond_is_loaded(reaching: Place, dump: Path, tools: Tools) -> None:
    name = f"{reaching.app.name}_in"

    report = load(reaching, dump, tools, name, is_untrusted=True)

    for catalogue in ("pg_publication", "pg_foreign_server", "pg_event_trigger", "pg_user_mappings"):
        assert found(reaching, name, f"SELECT count(*) FROM {catalogue}") == [0]  # noqa: S608
    kinds = ("EVENT TRIGGER", "SERVER", "USER MAPPING", "PUBLICATION", "SUBSCRIPTION")
    assert all(any(entry.startswith(kind) for entry in report.left_out) for kind in kinds)
    assert report.not_made == report.not_granted == []
    staging.drop_database(reaching, name)


def test_grants_and_default_grants_come_back_and_a_role_that_is_gone_is_told(
    make_database: MakeDatabase, admin: Callable[..., None], keeper: Keeper, tools: Tools, tmp_path: Path
) -> None:
    app = make_database("CREATE TABLE orders (id int, secret text)", "CREATE FUNCTION f() RETURNS int RETURN 1")
    reader, gone = make_database().user, f"gone_{app.user}"
    admin("postgres", f"CREATE ROLE {gone}", f"GRANT CONNECT ON DATABASE {app.name} TO {reader}")
    grants = [
        f"GRANT SELECT (id) ON orders TO {reader}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {app.user} IN SCHEMA public GRANT SELECT ON TABLES TO {reader}",
        "REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {reader}, {gone}",
    ]
    admin(app.name, *grants)
    place, dump, name = keeper(app), dump_of(app, tmp_path), f"{app.name}_in"
    admin(app.name, f"DROP OWNED BY {gone}", f"DROP ROLE {gone}")

    report = load(place, dump, tools, name)

    assert report.left_out == report.not_made == []
    assert report.not_granted == [
        f'Not put back: GRANT USAGE ON SCHEMA public TO {gone} (role "{gone}" does not exist).'
    ]
    with place.inside(name, as_app=True) as connection:
        connection.execute("CREATE TABLE later ()")
    asked = f"has_column_privilege('{reader}', 'orders', 'id', 'SELECT')"
    asked += f", has_column_privilege('{reader}', 'orders', 'secret', 'SELECT')"
    asked += (
        f", has_table_privilege('{reader}', 'later', 'SELECT'), has_function_privilege('{reader}', 'f()', 'EXECUTE')"
    )
    asked += f", has_database_privilege('{reader}', '{name}', 'CONNECT')"
    assert found(place, name, f"SELECT ARRAY[{asked}]") == [[True, False, True, False, True]]
    assert found(place, name, f"SELECT has_schema_privilege('{reader}', 'public', 'USAGE')") == [True]
    staging.drop_database(place, name)


def test_a_foreign_owner_is_no_reason_to_refuse(
    make_database: MakeDatabase, admin: Callable[..., None], keeper: Keeper, tools: Tools, tmp_path: Path
) -> None:
    app = make_database()
    admin("postgres", f"CREATE ROLE other_{app.user}")
    admin(app.name, "CREATE TABLE theirs (id int)", f"ALTER TABLE theirs OWNER TO other_{app.user}")
    dump, place, name = whole(app, tmp_path), keeper(app), f"{app.name}_in"
    admin(app.name, "DROP TABLE theirs", f"DROP ROLE other_{app.user}")

    for is_untrusted in (False, True):
        load(place, dump, tools, name, is_untrusted=is_untrusted)
        assert found(place, name, "SELECT tableowner FROM pg_tables WHERE tablename = 'theirs'") == [app.user]
        staging.drop_database(place, name)


def test_a_dump_of_a_newer_pg_dump_says_so(make_database: MakeDatabase, tools: Tools, tmp_path: Path) -> None:
    dump = dump_of(make_database(), tmp_path)
    content = bytearray(dump.read_bytes())
    content[6] += 5  # the format's second number, behind PGDMP and the first
    dump.write_bytes(content)

    with pytest.raises(DumpTooNew, match="Install newer PostgreSQL programs"):
        read_toc(dump, tools)


def test_one_failing_entry_ends_the_load_and_says_which(
    make_database: MakeDatabase, admin: Callable[..., None], keeper: Keeper, tools: Tools, tmp_path: Path
) -> None:
    """A policy for a role that is gone; a constraint that the rows break."""
    app = make_database("CREATE TABLE orders (id int)")
    gone = f"gone_{app.user}"
    admin("postgres", f"CREATE ROLE {gone}")
    admin(app.name, f"CREATE POLICY own ON orders TO {gone} USING (true)")
    dump, place, name = dump_of(app, tmp_path), keeper(app), f"{app.name}_in"
    admin(app.name, "DROP POLICY own ON orders", f"DROP ROLE {gone}")
    was = fingerprint.plain_dump(app)

    with pytest.raises(LoadFailed, match=f"names the role {gone}.*Nothing was changed"):
        load(place, dump, tools, name)

    assert fingerprint.plain_dump(app) == was
    assert not swap.is_swapped(place, incoming=name, outgoing=f"{app.name}_was")
    staging.drop_database(place, name)


def test_of_what_failed_nobody_reads_a_password() -> None:
    failed = (
        f"pg_restore: error: could not execute query: ERROR:  server is closed\nDETAIL:  nobody may.\n"
        f"Command was: CREATE USER MAPPING FOR app SERVER elsewhere OPTIONS (\n    password '{SECRET}'\n);\n\n\n"
    )
    address = DatabaseAddress("db.example", 5432, "shop", "shop", "")
    words = failed * 7 + "pg_restore: warning: errors ignored on restore: 9"

    said = explain_losses(ProgramFailed("pg_restore", 1, words), address)

    assert said[0] == "Not put back: CREATE USER MAPPING FOR app SERVER elsewhere (server is closed)."
    assert said[-1] == "And 4 more of the kind."
    assert SECRET not in " ".join(said)


WORDS = [
    (
        'ERROR:  could not extend file "base/1/2": No space left on device',
        "disk of the server at db.example:5432 is full",
    ),
    ("ERROR:  temporary file size exceeds temp_file_limit (1kB)", "temp_file_limit"),
    ('ERROR:  extension "postgis" is not available', "does not have an extension"),
    ('ERROR:  permission denied to create extension "dblink"', "superuser may make the extension dblink"),
    ('ERROR:  unrecognized configuration parameter "transaction_timeout"', "those of the server's own version"),
    ('ERROR:  role "reader" does not exist', "names the role reader"),
    ('ERROR:  character with byte sequence 0xe2 in encoding "UTF8" has no equivalent in encoding "LATIN1"', "LATIN1"),
    ('ERROR:  could not create locale "xx_XX"', "collation xx_XX"),
    ('ERROR:  check constraint "c" of relation "t" is violated by some row', "break its own rules"),
    ('ERROR:  new row for relation "t" violates check constraint "c"', "break its own rules"),
    ("FATAL:  terminating connection due to administrator command", "was ended while the database was loaded"),
    ("could not read from input file: end of file", "does not read to its end"),
    ("ERROR:  permission denied for function pg_read_file", "shop may not do what the dump asks"),
    ('connection to server on socket "/x" failed: Connection refused', "No server answers"),
    ("ERROR:  something nobody has seen", "could not be loaded (something nobody has seen)"),
]


@pytest.mark.parametrize(("words", "said"), WORDS)
def test_each_way_of_failing_has_its_sentence(words: str, said: str) -> None:
    address = DatabaseAddress("db.example", 5432, "shop", "shop", SECRET)
    full = f"pg_restore: error: could not execute query: {words}\nCommand was: CREATE x '{SECRET}'"

    sentence = str(explain_load(ProgramFailed("pg_restore", 1, full), address))

    assert said in sentence
    assert "Nothing was changed." in sentence
    assert SECRET not in sentence
    assert "signal 9" in str(explain_load(ProgramFailed("pg_restore", 137, ""), address))
    with pytest.raises(LoadFailed):
        explain_losses(ProgramFailed("pg_restore", 1, full), address)


def test_names_and_what_comments_are_about_are_read_from_the_list() -> None:
    lines = [
        "1; 2 3 EXTENSION - uuid-ossp ",
        "2; 2 3 PROCEDURAL LANGUAGE - plx postgres",
        "3; 1259 3 TABLE Odd schema orders of 2026 app",
        "4; 0 0 COMMENT - EVENT TRIGGER watchman postgres",
        "5; 0 0 COMMENT - SERVER elsewhere postgres",
        "6; 0 0 COMMENT public TABLE orders app",
        "7; 0 0 PUBLICATION TABLE public some orders app",
        "8; 0 0 DEFAULT ACL public DEFAULT PRIVILEGES FOR TABLES app",
    ]

    toc = parse_toc("\n".join(lines))

    assert (toc.extensions, toc.languages) == (("uuid-ossp",), ("plx",))
    assert toc.loadable() == [lines[0], lines[1], lines[2], lines[5]]
    assert (toc.servers(), toc.watchers(), toc.grants()) == ([lines[4]], [lines[3], lines[6]], [lines[7]])
    assert toc.left_out() == ["PUBLICATION TABLE public some orders app"]
    assert toc.left_out(is_untrusted=False) == []
