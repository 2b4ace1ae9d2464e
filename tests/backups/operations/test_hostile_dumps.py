"""None of the dumps that people might bring escapes, touches what is there, stops an app, or leaves anything behind."""

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from backups.choices import UploadPart, UploadState
from backups.engines import growth
from backups.operations.exchange import place_of
from backups.operations.upload import request_upload
from environments.addresses import DatabaseAddress
from environments.choices import Failure, Status
from environments.lifecycle.run import run_here
from environments.models import Environment, Operation
from portal.demo.postgres import Postgres
from tests import fingerprint
from tests.apps import App
from tests.backups.uploaded import BY, bring, conninfo, dump_of, leftovers, put, state

from .dumps import make_dump, rows_of, run, table
from .hostile_dumps import EITHER, HELD, HOSTILE_DUMPS, REFUSED, Hostile, wrong_files

pytestmark = pytest.mark.django_db(transaction=True)
SERVER = {
    "roles": """SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolcanlogin, rolreplication, rolbypassrls,
        rolconnlimit, rolpassword, rolvaliduntil FROM pg_authid""",
    "members": "SELECT roleid::regrole::text, member::regrole::text, admin_option FROM pg_auth_members",
    "databases": """SELECT datname, pg_get_userbyid(datdba), datallowconn, datconnlimit, datistemplate,
        (SELECT array_agg(one::text ORDER BY one::text) FROM unnest(coalesce(datacl, acldefault('d', datdba))) one),
        shobj_description(oid, 'pg_database') FROM pg_database""",
    "settings": """SELECT coalesce((SELECT datname FROM pg_database WHERE oid = setdatabase), ''), setrole, setconfig
        FROM pg_db_role_setting""",
    "tablespaces": "SELECT spcname, NULL FROM pg_tablespace",
    "subscriptions": "SELECT subname, NULL FROM pg_subscription",
    "prepared": "SELECT gid, NULL FROM pg_prepared_xacts",
    "files": "SELECT pg_read_file('postgresql.auto.conf'), NULL",
}


class Surroundings:
    """Everything on the server but the environment's own data, a file and a port that nobody may touch."""

    def __init__(self, admin: DatabaseAddress, neighbour: DatabaseAddress, canary: Path, port: socket.socket) -> None:
        self.admin, self.neighbour, self.canary, self.port = admin, neighbour, canary, port
        self.before, self.neighbours_content = self.look(), fingerprint.plain_dump(neighbour)

    def look(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        with psycopg.connect(conninfo(self.admin), autocommit=True) as admin:
            for name, query in SERVER.items():
                rows = admin.execute(query).fetchall()  # type: ignore[call-overload]
                # Kept generations are looked at as what is left over.
                found[name] = sorted(map(repr, (row for row in rows if not str(row[0]).startswith("portal_was_"))))
        return found

    def assert_untouched(self) -> None:
        after = self.look()
        for name, before in self.before.items():
            assert after[name] == before, name
        assert not self.canary.exists()
        with pytest.raises(BlockingIOError):
            self.port.accept()


@pytest.fixture
def surroundings(
    target: Environment, make_database: Callable[..., DatabaseAddress], postgres: Postgres, tmp_path: Path
) -> Iterator[Surroundings]:
    neighbour = make_database("CREATE TABLE mine AS SELECT 1 AS id")
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    with socket.create_server(("127.0.0.1", 0)) as port:
        port.setblocking(False)
        yield Surroundings(postgres.address(), neighbour, folder / "canary", port)


@pytest.fixture
def words(target: Environment, surroundings: Surroundings) -> dict[str, str]:
    address = target.database_address
    return {
        "CANARY": str(surroundings.canary),
        "PORT": str(surroundings.port.getsockname()[1]),
        "LIVE": address.name,
        "APP": address.user,
        "OTHER": surroundings.neighbour.name,
    }


@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("ends", [REFUSED, HELD, EITHER])
def test_hostile_dumps_do_no_harm(
    ends: str,
    half: int,
    target: Environment,
    words: dict[str, str],
    surroundings: Surroundings,
    stopped_app: App,
    subtests: pytest.Subtests,
) -> None:
    was = state(target)
    for hostile in [one for one in HOSTILE_DUMPS if one.ends == ends][half::2]:
        with subtests.test(str(hostile)):
            live = live_database(target)
            is_put = bring_and_put(target, hostile, words)
            assert ends == EITHER or is_put is (ends == HELD)
            assert is_put is (live_database(target) != live)
            surroundings.assert_untouched()
            assert leftovers(target) == []
    assert ends != REFUSED or state(target) == was
    assert fingerprint.plain_dump(surroundings.neighbour) == surroundings.neighbours_content
    assert not stopped_app.trace.exists()


def live_database(target: Environment) -> object:
    """Which one it is, whatever it is called."""
    address = target.database_address
    with psycopg.connect(conninfo(address)) as connection:
        return connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()


def bring_and_put(target: Environment, hostile: Hostile, words: dict[str, str]) -> bool:
    """Whether it was put in; else why not fits."""
    upload = bring(target, UploadPart.DATABASE, hostile.content(words))
    operation = put(target, upload) if upload.state == UploadState.GOOD else upload.examination
    assert operation
    operation.refresh_from_db()
    if operation.kind == "upload" and operation.status == Status.COMPLETED:
        return True
    assert re.search(hostile.says, operation.message), operation.message
    assert operation.message.isprintable() and "portal_load" not in operation.message
    return False


def test_there_are_dumps_enough() -> None:
    assert len({str(hostile) for hostile in HOSTILE_DUMPS}) >= 60


GOOD = make_dump(table("id int, t text"), rows_of(*(f"{number}\tsome words here" for number in range(400))))
WRONG = wrong_files(GOOD)


def test_what_is_no_dump_for_here_is_refused_by_a_sentence(
    target: Environment, stopped_app: App, subtests: pytest.Subtests
) -> None:
    real = dump_of(target.database_address)
    cut = {f"a real one cut at {share} %": (real[: len(real) * share // 100], "") for share in (5, 50, 95)}
    for title, (content, says) in {**WRONG, **cut}.items():
        with subtests.test(title):
            upload = bring(target, UploadPart.DATABASE, content)

            assert upload.state == UploadState.BAD, upload.found
            assert re.search(says, upload.refusal), upload.refusal
            assert "Nothing was changed" in upload.refusal and upload.refusal.isprintable()
    assert not stopped_app.trace.exists()
    assert leftovers(target) == []


FOREVER = {
    "a check": "CREATE TABLE s (b boolean CHECK (pg_sleep(3600) IS NOT NULL)); INSERT INTO s VALUES (true);",
    "another name": "SET application_name = 'portal-visit'; SET statement_timeout = 0; SELECT pg_sleep(3600);",
    "a loop": "DO $$ BEGIN LOOP END LOOP; END $$;",
    "a loop when its rows are counted": """
        CREATE FUNCTION public.evil(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
            IF (SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()) ~* '^ANALYZE' THEN
                PERFORM pg_sleep(3600);
            END IF; RETURN 1; END $$;
        CREATE TABLE public.s AS SELECT n FROM generate_series(1, 100) n; CREATE INDEX ON public.s (public.evil(n));""",
}


@pytest.mark.parametrize("title", FOREVER)
def test_a_dump_that_never_ends_is_ended_by_the_time_limit(
    title: str, target: Environment, surroundings: Surroundings
) -> None:
    was = state(target)
    upload = bring(target, UploadPart.DATABASE, make_dump(table(), run(FOREVER[title])))
    operation = request_upload(target, by=BY, uploads=[upload], confirm=target.name, is_rung=False)
    Operation.objects.filter(pk=operation.pk).update(time_limit_seconds=3)

    operation = run_here(operation)

    assert (operation.status, operation.failure) == (Status.FAILED, Failure.TIME_LIMIT), operation.message
    assert state(target) == was
    with place_of(target).beside() as connection:
        sleeping = "SELECT query FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
        assert connection.execute(sleeping).fetchall() == []
    surroundings.assert_untouched()
    assert leftovers(target) == []


def test_a_dump_that_grows_without_end_is_ended(
    target: Environment, surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "MOST_BYTES_OF_A_SMALL_DUMP", 20 << 20)
    monkeypatch.setattr(growth, "LOOK_EVERY_SECONDS", 0.1)
    more = "INSERT INTO public.orders SELECT n FROM generate_series(1, 20000) n; PERFORM pg_sleep(0.02);"
    forever = f"DO $$ BEGIN LOOP {more} END LOOP; END $$;"
    was = state(target)

    operation = put(target, bring(target, UploadPart.DATABASE, make_dump(table(), run(forever))))

    assert operation.status == Status.FAILED
    assert "The dump grew to more than 0.0 GB" in operation.message
    assert state(target) == was
    surroundings.assert_untouched()
    assert leftovers(target) == []
