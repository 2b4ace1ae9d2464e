"""The exchange of two databases: all of it or nothing, whoever comes back, and whoever cannot be ended."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from backups.engines import staging, swap
from backups.engines.connecting import conninfo
from backups.engines.place import Place
from backups.errors import SwapRefused
from portal.demo.postgres import Postgres
from tests.workers import eventually

from .test_preflight import Say, place, say, server, superuser

__all__ = ["place", "say", "server"]
CLIENTS = 50
VACUUMED = """
    CREATE TABLE busy WITH (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0,
        autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)
    AS SELECT n, repeat('x', 500) AS text FROM generate_series(1, 20000) AS n
"""
WORKERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop' AND backend_type = 'autovacuum worker'"


@pytest.fixture
def pair(place: Place, say: Say) -> Iterator[Place]:
    """The place with a database that is to take the live one's place."""
    say("CREATE TABLE old ()")
    staging.make_staging(place, "incoming")
    with place.inside("incoming") as connection:
        connection.execute("CREATE TABLE new ()")
    yield place
    for name in ("incoming", "outgoing"):
        staging.drop_database(place, name)


def exchange(place: Place) -> None:
    swap.swap(place, live="shop", incoming="incoming", outgoing="outgoing")


def held(place: Place, server: Postgres) -> list[str]:
    """What the database of the live name holds, seen by somebody who comes to its door now."""
    with psycopg.connect(conninfo(server.address("shop", "app"))) as app:
        return [str(name) for (name,) in app.execute("SELECT relname FROM pg_class WHERE relname IN ('old', 'new')")]


@contextmanager
def coming_back(server: Postgres) -> Iterator[list[str]]:
    """Clients that connect again and again; yields what they were told."""
    stop, said = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            try:
                with psycopg.connect(conninfo(server.address("shop", "app"))) as app:
                    app.execute("SELECT pg_sleep(0.002)")
            except psycopg.Error as error:
                said.append(str(error))

    clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield said
    finally:
        stop.set()
        for client in clients:
            client.join()


def test_fifty_clients_that_come_back_all_the_time_see_errors_and_then_the_new_data(
    pair: Place, server: Postgres
) -> None:
    with coming_back(server) as said:
        began = time.monotonic()
        exchange(pair)
        took = time.monotonic() - began

    assert held(pair, server) == ["new"]
    assert took < 10
    known = ("not currently accepting connections", "terminating connection", "does not exist", "closed the connection")
    assert [words for words in said if not any(one in words for one in known)] == []


def test_a_session_that_cannot_be_ended_is_named_and_the_old_data_stays(pair: Place, server: Postgres) -> None:
    with superuser(server, "shop", "exporter"), pytest.raises(SwapRefused, match=r"exporter, postgres.*unchanged"):
        exchange(pair)

    assert held(pair, server) == ["old"]
    exchange(pair)
    assert held(pair, server) == ["new"]


def test_a_session_that_ends_by_itself_is_waited_for(pair: Place, server: Postgres) -> None:
    session = superuser(server, "shop", "exporter")
    timer = threading.Timer(0.2, session.close)
    timer.start()

    exchange(pair)

    timer.join()
    assert held(pair, server) == ["new"]


def test_the_servers_own_vacuum_is_no_hindrance(pair: Place, server: Postgres, say: Say) -> None:
    """Nobody but a superuser may end it; the rename does."""
    say(VACUUMED, "DELETE FROM busy WHERE n % 2 = 0")
    with superuser(server) as admin:
        assert eventually(lambda: admin.execute(WORKERS).fetchone() != (0,))

    exchange(pair)

    assert held(pair, server) == ["new"]
