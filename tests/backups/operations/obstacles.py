"""What can be in a restore's way before the app is stopped. Each is there for as long as its context."""

import errno
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from django.conf import settings

from backups.operations import restore as restoring
from environments.models import Environment
from portal.demo.postgres import Postgres
from tests.workers import eventually


class World(NamedTuple):
    """An environment, and the server of its database."""

    place: Environment
    postgres: Postgres

    @property
    def name(self) -> str:
        """Of the database, and of its role."""
        return self.place.database_address.name

    def say(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as the server's superuser."""
        with self.session(database) as admin:
            for statement in statements:
                admin.execute(statement)  # type: ignore[arg-type]

    def session(self, database: str = "", label: str = "") -> psycopg.Connection:
        """A superuser's session, in the app's database unless another is named."""
        own = self.postgres.address(database or self.name)
        return psycopg.connect(
            host=own.host, port=own.port, dbname=own.name, user=own.user, application_name=label, autocommit=True
        )

    def sees_off(self, label: str) -> None:
        """Wait until the server, too, knows that a session has ended."""
        query = "SELECT FROM pg_stat_activity WHERE datname = %s AND application_name = %s"
        with self.session("postgres") as admin:
            assert eventually(lambda: admin.execute(query, [self.name, label]).fetchone() is None)


class Usage(NamedTuple):
    total: int = 10**9
    used: int = 10**9
    free: int = 0


@contextmanager
def superusers_session(world: World) -> Iterator[None]:
    with world.session(label="exporter"):
        yield
    world.sees_off("exporter")


@contextmanager
def late_session(world: World) -> Iterator[None]:
    """A superuser comes after the first look, before the app is stopped."""
    real = restoring.journal

    with ExitStack() as sessions, pytest.MonkeyPatch.context() as patch:

        def journal(*given: Any, **more: Any) -> Any:
            sessions.enter_context(world.session(label="latecomer"))
            return real(*given, **more)

        patch.setattr(restoring, "journal", journal)
        yield
    world.sees_off("latecomer")


@contextmanager
def superusers_setting(world: World) -> Iterator[None]:
    world.say(f"ALTER DATABASE {world.name} SET log_min_duration_statement TO '9s'")
    yield
    world.say(f"ALTER DATABASE {world.name} RESET log_min_duration_statement")


@contextmanager
def no_createdb(world: World) -> Iterator[None]:
    world.say(f"ALTER ROLE {world.name} NOCREATEDB")
    yield
    world.say(f"ALTER ROLE {world.name} CREATEDB")


@contextmanager
def subscription(world: World) -> Iterator[None]:
    made = "CREATE SUBSCRIPTION stock CONNECTION 'host=/nonexistent' PUBLICATION p WITH (connect = false)"
    world.say(made, database=world.name)
    yield
    world.say("ALTER SUBSCRIPTION stock SET (slot_name = NONE)", "DROP SUBSCRIPTION stock", database=world.name)


@contextmanager
def full_server(world: World) -> Iterator[None]:
    """There is no room for sorting while the index is made, as far as the app's role is concerned."""
    limits = {"temp_file_limit": "'1kB'", "maintenance_work_mem": "'1MB'", "max_parallel_maintenance_workers": "0"}
    world.say(*(f"ALTER ROLE {world.name} SET {name} TO {value}" for name, value in limits.items()))
    yield
    world.say(f"ALTER ROLE {world.name} RESET ALL")


@contextmanager
def changed(pattern: str, change: Callable[[bytes], bytes | None]) -> Iterator[None]:
    """The largest stored object of this name is another one, or gone."""
    path = max(Path(settings.VAULT_LOCATION).rglob(pattern), key=lambda found: found.stat().st_size)
    content = path.read_bytes()
    other = change(content)
    path.unlink() if other is None else path.write_bytes(other)
    yield
    path.write_bytes(content)


@contextmanager
def full_disk(world: World) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restoring.shutil, "disk_usage", lambda path: Usage())
        yield


@contextmanager
def filling_disk(world: World) -> Iterator[None]:
    """There is room when it is asked for, and none when it is written to."""

    def unpack(*given: Any, **more: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restoring, "unpack", unpack)
        yield


@contextmanager
def cut_load(world: World, what: str = "%") -> Iterator[None]:
    """Somebody ends the sessions of the load that are at such a statement, as soon as there is one."""
    stop = threading.Event()

    def cut() -> None:
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'op-%'"
        query += f" AND query LIKE '{what}'"
        with world.session("postgres") as admin:
            while not stop.wait(0.001):
                admin.execute(query)

    thread = threading.Thread(target=cut)
    thread.start()
    yield
    stop.set()
    thread.join()


class Obstacle(NamedTuple):
    """`said`: what the person reads of it; `{user}` is the role that would exchange the databases."""

    arrange: Callable[[World], AbstractContextManager[None]]
    said: str
    statements: tuple[str, ...] = ()


# Too much to be sorted in memory.
MUCH = (
    "CREATE INDEX ON orders (id, what)",
    "INSERT INTO orders SELECT n, repeat('r', 100) FROM generate_series(1, 20000) n",
)
SLOWLY_COUNTED = (
    "CREATE FUNCTION slowly(n bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS"
    " $$ BEGIN PERFORM pg_sleep(0.1); RETURN n; END $$",
    "CREATE INDEX ON orders (slowly(id)) WHERE id < 6",
)
UNREAD = "The database's dump cannot be read as saved."
OBSTACLES = {
    "a superuser's session": Obstacle(superusers_session, "cannot be ended by {user}: exporter, postgres"),
    "a superuser's late session": Obstacle(late_session, "cannot be ended by {user}: latecomer, postgres"),
    "a superuser's setting": Obstacle(superusers_setting, "may not give to the new one: log_min_duration_statement"),
    "a subscription": Obstacle(subscription, "subscription stock"),
    "no right to make databases": Obstacle(no_createdb, "Nothing can be put back: neither the app's role has CREATEDB"),
    "no room on the server": Obstacle(full_server, "temp_file_limit", MUCH),
    "a load that is cut": Obstacle(cut_load, "was ended while the database was loaded"),
    "a load that is cut at its end": Obstacle(
        lambda world: cut_load(world, "ANALYZE%"), "was ended while the database was loaded", SLOWLY_COUNTED
    ),
    "a truncated dump": Obstacle(lambda world: changed("db.backup", lambda old: old[: len(old) // 2]), UNREAD),
    "a changed dump": Obstacle(lambda world: changed("db.backup", lambda old: old[:-1] + bytes([old[-1] ^ 1])), UNREAD),
    "a lost dump": Obstacle(lambda world: changed("db.backup", lambda old: None), UNREAD),
    "a lost manifest": Obstacle(lambda world: changed("manifest.zst", lambda old: None), "manifest"),
    "a lost pack": Obstacle(
        lambda world: changed("packs/*", lambda old: None), "The uploaded files cannot be read as saved."
    ),
    "no room for the dump": Obstacle(full_disk, "There is no room for the database's dump"),
    "a disk that becomes full": Obstacle(filling_disk, "The uploaded files cannot be written to"),
}
