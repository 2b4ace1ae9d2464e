"""A dump comes back beside the live database, like it in everything, and takes its place in one step."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from backups.engines import staging, swap
from backups.engines.likeness import likeness_of, split_names
from backups.engines.place import Level, Place, level_of
from backups.engines.toc import kind_of, read_toc
from backups.engines.tools import Tools, find_tools
from backups.errors import LoadFailed
from environments.addresses import DatabaseAddress
from environments.programs import Program
from portal.demo.postgres import Postgres
from tests import fingerprint, rich
from tests.backups.operations.dumps import make_dump, run, table

LABEL = "op-0123456789abcdef0123456789abcdef.1"
MakeDatabase = Callable[..., DatabaseAddress]


def quiet(*_: object) -> None: ...


def dump_of(address: DatabaseAddress, folder: Path) -> Path:
    target = folder / f"{address.name}.backup"
    command = [find_tools(17).path("pg_dump"), "-Fc", f"--file={target}", f"--dbname={address.to_url()}"]
    with Program(command, environ={"PGPASSWORD": address.password}) as program:
        program.check()
    return target


@pytest.fixture
def tools() -> Tools:
    return find_tools(17)


@pytest.fixture
def keeper(postgres: Postgres) -> Callable[[DatabaseAddress], Place]:
    """Gives an app's database a maintenance role of its own: LOGIN CREATEDB CREATEROLE, granted the app's role."""

    def give(app: DatabaseAddress) -> Place:
        name = f"{app.name}_keeper"
        with psycopg.connect(postgres_conninfo(postgres.address()), autocommit=True) as admin:
            admin.execute(f"DROP ROLE IF EXISTS {name}")  # type: ignore[arg-type]
            admin.execute(f"CREATE ROLE {name} LOGIN CREATEDB CREATEROLE")  # type: ignore[arg-type]
            admin.execute(f"GRANT {app.user} TO {name} WITH ADMIN OPTION")  # type: ignore[arg-type]
        return Place(app, replace(app, user=name, password=""))

    return give


def postgres_conninfo(address: DatabaseAddress) -> str:
    return psycopg.conninfo.make_conninfo(host=address.host, port=address.port, dbname=address.name, user=address.user)


def load(place: Place, dump: Path, tools: Tools, name: str, *, is_untrusted: bool = False) -> staging.LoadReport:
    toc = read_toc(dump, tools)
    report = staging.load(
        place, name, dump, tools, toc=toc, label=LABEL, hold=quiet, beat=quiet, is_untrusted=is_untrusted
    )
    staging.check_staging(place, name, toc)
    return report


@pytest.mark.parametrize("is_untrusted", [False, True])
def test_a_rich_database_comes_back_and_takes_the_live_ones_place(
    make_database: MakeDatabase,
    keeper: Callable[[DatabaseAddress], Place],
    tools: Tools,
    tmp_path: Path,
    is_untrusted: bool,
) -> None:
    app = make_database(*rich.statements())
    place = keeper(app)
    was = fingerprint.plain_dump(app)
    dump = dump_of(app, tmp_path)
    with place.inside(app.name, as_app=True) as connection:
        connection.execute("DELETE FROM sales.customer; CREATE TABLE later (id int)")
    changed = fingerprint.plain_dump(app)
    incoming, outgoing = f"{app.name}_in", f"{app.name}_was"

    load(place, dump, tools, incoming, is_untrusted=is_untrusted)
    swap.swap(place, live=app.name, incoming=incoming, outgoing=outgoing)

    assert fingerprint.plain_dump(app) == was
    assert swap.is_swapped(place, incoming=incoming, outgoing=outgoing)
    swap.swap(place, live=app.name, incoming=incoming, outgoing=outgoing)  # a repetition after a kill
    assert fingerprint.plain_dump(app) == was
    swap.swap(place, live=app.name, incoming=outgoing, outgoing=f"{app.name}_new")
    assert fingerprint.plain_dump(app) == changed
    staging.drop_database(place, f"{app.name}_new")
    with place.beside() as connection:
        assert not connection.execute("SELECT FROM pg_roles WHERE rolname LIKE 'portal_load_%'").fetchall()


def test_settings_grants_limit_and_comment_are_taken_on(make_database: MakeDatabase, postgres: Postgres) -> None:
    app, reader = make_database(), make_database()
    with psycopg.connect(postgres_conninfo(postgres.address()), autocommit=True) as admin:
        for statement in (
            f'ALTER DATABASE {app.name} SET search_path TO sales, "Odd, schema", public',
            f"ALTER DATABASE {app.name} SET work_mem TO '7MB'",
            f"ALTER ROLE {app.user} IN DATABASE {app.name} SET statement_timeout TO '9s'",
            f"ALTER ROLE {app.user} CREATEROLE",
            f"REVOKE ALL ON DATABASE {app.name} FROM PUBLIC",
            f"GRANT CONNECT ON DATABASE {app.name} TO {reader.user} WITH GRANT OPTION",
            f"ALTER DATABASE {app.name} CONNECTION LIMIT 77",
            f"COMMENT ON DATABASE {app.name} IS 'it''s live'",
        ):
            admin.execute(statement)  # type: ignore[arg-type]
        place = Place(app, replace(postgres.address(), name="postgres"))
        staging.make_staging(place, f"{app.name}_in")
        staging._take_on(place, f"{app.name}_in")

        assert likeness_of(admin, f"{app.name}_in") == likeness_of(admin, app.name)
        staging.drop_database(place, f"{app.name}_in")


def test_clients_that_keep_coming_back_do_not_stop_the_exchange(
    make_database: MakeDatabase, keeper: Callable[[DatabaseAddress], Place]
) -> None:
    app = make_database("CREATE TABLE here (id int)")
    place = keeper(app)
    staging.make_staging(place, f"{app.name}_in")
    stop = threading.Event()

    def keep_asking() -> None:
        while not stop.is_set():
            try:
                with place.inside(app.name, as_app=True) as connection:
                    connection.execute("SELECT pg_sleep(0.01)")
            except psycopg.Error:
                continue

    clients = [threading.Thread(target=keep_asking) for _ in range(10)]
    for client in clients:
        client.start()
    try:
        swap.swap(place, live=app.name, incoming=f"{app.name}_in", outgoing=f"{app.name}_was")
    finally:
        stop.set()
        for client in clients:
            client.join()

    assert swap.is_swapped(place, incoming=f"{app.name}_in", outgoing=f"{app.name}_was")
    staging.drop_database(place, f"{app.name}_was")


def test_a_failing_load_says_why_and_leaves_the_live_one(
    make_database: MakeDatabase, keeper: Callable[[DatabaseAddress], Place], tools: Tools, tmp_path: Path
) -> None:
    app = make_database("CREATE TABLE kept AS SELECT md5(n::text) FROM generate_series(1, 20000) n")
    place, was = keeper(app), fingerprint.plain_dump(app)
    dump = dump_of(app, tmp_path)
    dump.write_bytes(dump.read_bytes()[: -(dump.stat().st_size // 5)])

    with pytest.raises(LoadFailed):
        load(place, dump, tools, f"{app.name}_in")

    assert fingerprint.plain_dump(app) == was
    staging.drop_database(place, f"{app.name}_in")


def test_the_level_tells_what_can_be_put_back(
    make_database: MakeDatabase, keeper: Callable[[DatabaseAddress], Place], postgres: Postgres
) -> None:
    app = make_database()
    assert level_of(Place(app)) == Level.OWN_BACKUPS
    assert level_of(keeper(app)) == Level.FULL
    with psycopg.connect(postgres_conninfo(postgres.address()), autocommit=True) as admin:
        admin.execute(f"ALTER ROLE {app.user} NOCREATEDB")  # type: ignore[arg-type]
    assert level_of(Place(app)) == Level.NONE


def test_lists_of_names_are_split_as_postgresql_writes_them() -> None:
    assert split_names('"$user", public') == ["$user", "public"]
    assert split_names('"a, b", "c""d"') == ["a, b", 'c"d']


def test_kinds_are_told_from_schemas_in_capitals() -> None:
    assert kind_of("1; 1259 2 TABLE SALES customer app") == "TABLE"
    assert kind_of("1; 0 2 TABLE DATA public customer app") == "TABLE DATA"
    assert kind_of("1; 0 0 COMMENT - EXTENSION citext ") == "COMMENT"
    assert kind_of("1; 0 0 DEFAULT ACL public DEFAULT PRIVILEGES FOR TABLES app") == "DEFAULT ACL"


class Preparing(Postgres):
    """A server that lets transactions outlive their sessions."""

    def _options(self) -> list[str]:
        return [*super()._options(), "-c", "max_prepared_transactions=5"]


def test_a_transaction_that_a_dump_prepared_is_rolled_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    dump = tmp_path_factory.mktemp("dump") / "evil.backup"
    prepares = run("BEGIN; LOCK TABLE public.orders; PREPARE TRANSACTION 'evil';")
    dump.write_bytes(make_dump(table(), prepares))
    with (
        Preparing(Path(settings.DATA_DIR).parent / "preparing-postgres") as server,
        psycopg.connect(postgres_conninfo(server.address()), autocommit=True) as admin,
    ):
        admin.execute("CREATE ROLE shop LOGIN CREATEDB")
        admin.execute("CREATE ROLE keeper LOGIN CREATEDB CREATEROLE")
        admin.execute("GRANT shop TO keeper WITH ADMIN OPTION")
        admin.execute("CREATE DATABASE shop OWNER shop")
        place = Place(server.address("shop", "shop"), server.address("postgres", "keeper"))

        load(place, dump, find_tools(17), "shop_in", is_untrusted=True)

        assert admin.execute("SELECT gid FROM pg_prepared_xacts").fetchall() == []
        staging.drop_database(place, "shop_in")
        assert admin.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'portal_load%'").fetchall() == []
