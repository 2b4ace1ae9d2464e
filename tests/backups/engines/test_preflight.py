"""What would end a restore halfway is named before anything is loaded: all of it at once, each with a way out."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from backups.engines import needs, preflight
from backups.engines.connecting import conninfo
from backups.engines.place import Place
from backups.engines.toc import Toc, parse_toc
from backups.engines.tools import Tools
from backups.errors import DatabaseUnreachable, PuttingBackRefused
from portal.demo.postgres import SUPERUSER, Postgres
from tests.workers import eventually

from .wires import like_a_pooler, wire

Say = Callable[..., None]
SETTINGS = ("wal_level = logical", "max_prepared_transactions = 5", "autovacuum_naptime = 1")
NUMBER = "3000; 0 0"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server that lets transactions be prepared and changes be followed."""
    folder = Path(settings.DATA_DIR).parent / "preflight-postgres"
    with Postgres(folder) as running, superuser(running) as admin:
        for setting in SETTINGS:
            admin.execute(f"ALTER SYSTEM SET {setting}")  # type: ignore[arg-type]
    with Postgres(folder) as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)


def superuser(server: Postgres, database: str = SUPERUSER, label: str = "") -> psycopg.Connection:
    return psycopg.connect(conninfo(server.address(database)), autocommit=True, application_name=label or None)


@pytest.fixture
def place(server: Postgres) -> Iterator[Place]:
    """A database of an app's role, beside a maintenance role with everything that it should have."""
    with superuser(server) as admin:
        for statement in (
            "CREATE ROLE app LOGIN CREATEDB",
            "CREATE ROLE keeper LOGIN CREATEDB CREATEROLE",
            "GRANT app TO keeper WITH ADMIN OPTION",
            "CREATE DATABASE shop OWNER app",
        ):
            admin.execute(statement)  # type: ignore[arg-type]
        yield Place(server.address("shop", "app"), server.address("shop", "keeper"))
        for name in ("shop", "prepared"):
            admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")  # type: ignore[arg-type]
        for name in ("app", "keeper"):
            admin.execute(f"DROP OWNED BY {name}")  # type: ignore[arg-type]
            admin.execute(f"DROP ROLE {name}")  # type: ignore[arg-type]


@pytest.fixture
def say(server: Postgres, place: Place) -> Say:
    """Runs statements as the superuser, in the app's database or another one."""

    def run(*statements: str, inside: str = "shop") -> None:
        with superuser(server, inside) as admin:
            for statement in statements:
                admin.execute(statement)  # type: ignore[arg-type]

    return run


def listed(*entries: str) -> Toc:
    return parse_toc("\n".join(f"{NUMBER} {entry}" for entry in entries))


def refused(place: Place, toc: Toc | None = None, *, is_untrusted: bool = False) -> str:
    with pytest.raises(PuttingBackRefused) as refusal:
        preflight.check_before(place, toc, is_untrusted=is_untrusted)
    assert str(refusal.value).endswith("Nothing was changed.")
    return str(refusal.value)


def test_an_ordinary_database_and_dump_pass(place: Place) -> None:
    toc = listed("EXTENSION - pgcrypto ", "TABLE public orders app", "DEFAULT ACL public DEFAULT PRIVILEGES app")

    for is_untrusted in (False, True):
        assert preflight.look_before(place, toc, is_untrusted=is_untrusted) == preflight.Findings([], [])
    preflight.check_again(place)


def test_sessions_that_nobody_here_may_end_are_named(server: Postgres, place: Place, say: Say) -> None:
    say("CREATE ROLE reporter LOGIN")
    with (
        superuser(server, "shop", "exporter"),
        psycopg.connect(conninfo(server.address("shop", "reporter")), application_name="report"),
        psycopg.connect(conninfo(server.address("shop", "app")), application_name="order-desk"),
    ):
        sentence = refused(place)
        with pytest.raises(PuttingBackRefused, match=r"2 sessions .* keeper: exporter, postgres; report, reporter"):
            preflight.check_again(place)
        assert "2 sessions" in sentence
        assert "order-desk" not in sentence
        assert not preflight.look_before(replace(place, admin=server.address()), None, is_untrusted=False).refused
        say("GRANT pg_signal_backend TO keeper")
        assert "1 session on the database cannot be ended by keeper: exporter, postgres" in refused(place)
    assert eventually(lambda: not preflight.look_before(place, None, is_untrusted=False).refused)
    preflight.check_again(place)
    say("DROP ROLE reporter")


def test_a_prepared_transaction_is_named(place: Place, say: Say) -> None:
    say("BEGIN; CREATE TABLE later (id int); PREPARE TRANSACTION 'the order 7'")

    assert "prepared transactions (the order 7)" in refused(place)
    with pytest.raises(PuttingBackRefused):
        preflight.check_again(place)
    say("ROLLBACK PREPARED 'the order 7'")


def test_settings_that_cannot_be_given_on_are_named_and_none_is_changed(place: Place, say: Say) -> None:
    say("ALTER DATABASE shop SET log_min_duration_statement TO '3s'", "ALTER DATABASE shop SET work_mem TO '7MB'")

    sentence = refused(place)

    assert "settings that keeper may not give to the new one: log_min_duration_statement. " in sentence
    say("GRANT SET ON PARAMETER log_min_duration_statement TO keeper")
    assert preflight.check_before(place, None, is_untrusted=False) == []


def test_settings_of_a_role_need_its_admin(place: Place, say: Say) -> None:
    say("ALTER ROLE app IN DATABASE shop SET work_mem TO '7MB'", "REVOKE ADMIN OPTION FOR app FROM keeper")

    assert "work_mem (of app)" in refused(place)


def test_what_holds_or_is_lost_by_the_exchange_is_told(place: Place, say: Say) -> None:
    say(
        "SELECT pg_create_logical_replication_slot('warehouse', 'pgoutput')",
        "CREATE PUBLICATION everything FOR ALL TABLES",
        "CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER watchman ON ddl_command_end EXECUTE FUNCTION watch()",
    )

    findings = preflight.look_before(place, listed("TABLE public orders app"), is_untrusted=False)

    assert findings.refused == []
    assert [word in " ".join(findings.warned) for word in ("slot warehouse", "everything", "watchman")] == [True] * 3
    say("SELECT pg_drop_replication_slot('warehouse')")


def test_a_subscription_would_hold_the_old_database_for_ever(place: Place, say: Say) -> None:
    say("CREATE SUBSCRIPTION stock CONNECTION 'host=/nonexistent' PUBLICATION p WITH (connect = false)")

    assert "subscription stock" in refused(place)
    say("ALTER SUBSCRIPTION stock SET (slot_name = NONE)", "DROP SUBSCRIPTION stock")


def test_an_owner_whom_nobody_here_may_stand_for_is_named(place: Place, say: Say) -> None:
    say("ALTER DATABASE shop OWNER TO postgres")

    assert "belongs to postgres, of which keeper is no member" in refused(place)


def test_the_levels_and_a_pooler_are_refused(place: Place, say: Say) -> None:
    own = Place(place.app)
    assert preflight.check_before(own, None, is_untrusted=False) == []
    assert "--admin-database" in refused(own, is_untrusted=True)
    say("ALTER ROLE app NOCREATEDB")
    assert "Nothing can be put back" in refused(own)
    with wire(place.app, like_a_pooler) as port:
        assert "pooler" in refused(replace(place, app=replace(place.app, host="127.0.0.1", port=port)))


EXTENSIONS = [
    ("EXTENSION - nothing_like_it ", False, "does not have: nothing_like_it"),
    ("EXTENSION - pg_stat_statements ", False, "only a superuser may make: pg_stat_statements"),
    ("EXTENSION - pg_stat_statements ", True, "only a superuser may make: pg_stat_statements"),
    ("PROCEDURAL LANGUAGE - plnone app", False, "only a superuser may make: the language plnone"),
    ("OPERATOR CLASS public fast app", True, "the operator class public.fast"),
    ("FOREIGN TABLE public elsewhere app", True, "foreign tables (public.elsewhere)"),
]


@pytest.mark.parametrize(("entry", "is_untrusted", "said"), EXTENSIONS)
def test_what_the_dump_needs_and_cannot_get(place: Place, entry: str, is_untrusted: bool, said: str) -> None:
    assert said in refused(place, listed("EXTENSION - citext ", entry), is_untrusted=is_untrusted)


def test_all_that_is_missing_is_said_at_once(place: Place) -> None:
    entries = ["EXTENSION - one ", "EXTENSION - two ", "EXTENSION - dblink ", "ACCESS METHOD - heap2 "]

    sentence = refused(place, listed(*entries))

    assert all(word in sentence for word in ("one, two", "dblink", "heap2"))


def test_an_extension_inside_the_template_is_enough_if_the_template_is_like_the_live_one(
    place: Place, say: Say
) -> None:
    say("CREATE DATABASE prepared TEMPLATE template0")
    say("CREATE EXTENSION dblink", inside="prepared")
    toc, ready = listed("EXTENSION - dblink "), replace(place, template="prepared")
    assert "may not copy the template prepared" in refused(ready, toc)
    say("ALTER DATABASE prepared IS_TEMPLATE true")
    assert preflight.check_before(ready, toc, is_untrusted=True) == []
    assert "no template database gone" in refused(replace(place, template="gone"), toc)
    say("ALTER DATABASE prepared IS_TEMPLATE false", "DROP DATABASE prepared")
    say("CREATE DATABASE prepared TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' IS_TEMPLATE true")
    assert "has LATIN1, C, the live database UTF8, C.UTF-8" in refused(ready, None)
    say("ALTER DATABASE prepared IS_TEMPLATE false")


def test_a_dump_of_a_newer_server_is_told_and_not_refused(place: Place) -> None:
    toc = replace(listed("TABLE public orders app"), dumped_from="99.1")

    assert "99.1" in " ".join(preflight.check_before(place, toc, is_untrusted=False))


def test_programs_that_do_not_fit_the_server_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    old = preflight.Server("15.18", 15, 0, 0)
    monkeypatch.setattr(needs, "find_tools", lambda major: Tools(Path("/x"), "17.10", 17, has_zstd=True))

    assert "Install postgresql-client-15" in " ".join(needs.needs_of_programs(old))
    assert list(needs.needs_of_programs(replace(old, version="17.10", major=17))) == []
    monkeypatch.undo()
    assert "no client program" in " ".join(needs.needs_of_programs(replace(old, major=99)))


def test_a_maintenance_role_that_cannot_come_in_is_said(place: Place, server: Postgres) -> None:
    lost = replace(place, admin=replace(place.app, host="/nowhere"))

    for look in (lambda: preflight.check_before(lost, None, is_untrusted=False), lambda: preflight.check_again(lost)):
        with pytest.raises(DatabaseUnreachable, match="/nowhere"):
            look()
