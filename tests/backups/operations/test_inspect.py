"""What is remarked of a database when its environment is registered, and what is refused: on a real server."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from pytest_django.fixtures import Settings

from backups.engines import tools
from backups.engines.connecting import conninfo
from environments.addresses import DatabaseAddress
from environments.errors import RegistrationRefused
from environments.inspections import inspect, sessions_in
from environments.models import Environment
from portal.demo.postgres import Postgres
from tests.backups.engines.wires import like_a_pooler, wire
from tests.factories import EnvironmentFactory
from tests.workers import eventually

pytestmark = pytest.mark.django_db


def run(server: Postgres, *statements: str) -> None:
    with psycopg.connect(conninfo(server.address()), autocommit=True) as admin:
        for statement in statements:
            admin.execute(statement)  # type: ignore[arg-type]


@pytest.fixture
def place(make_place: Callable[..., Environment]) -> Environment:
    return make_place("CREATE TABLE one (n int)")


def refusal_of(environment: Environment) -> str:
    with pytest.raises(RegistrationRefused) as refusal:
        inspect(environment)
    return str(refusal.value)


def test_the_first_remark_says_what_the_database_is(place: Environment) -> None:
    first, *_ = inspect(place)

    assert first.startswith("PostgreSQL 17.")
    assert "1 tables" in first
    assert "client programs 17." in first


def test_with_its_own_createdb_backups_can_be_put_back_and_uploads_cannot(place: Environment) -> None:
    assert "own backups can be put back" in inspect(place)[-1]


def test_without_it_nothing_can(place: Environment, postgres: Postgres) -> None:
    run(postgres, f"ALTER ROLE {place.database_address.user} NOCREATEDB")

    assert "Nothing can be put back" in inspect(place)[-1]


def test_with_a_maintenance_role_everything_can(place: Environment, postgres: Postgres) -> None:
    app = place.database_address
    keeper = f"{app.user}_keeper"
    run(postgres, f"CREATE ROLE {keeper} LOGIN CREATEDB CREATEROLE", f"GRANT {app.user} TO {keeper}")
    place.admin_address = replace(app, user=keeper, password="")

    said = inspect(place)[-1]
    run(postgres, f"DROP ROLE {keeper}")

    assert said == "Backups and uploaded dumps can be put back."


def test_a_maintenance_role_that_cannot_be_used_is_refused(place: Environment) -> None:
    place.admin_address = replace(place.database_address, user="nobody_here")

    assert "The maintenance role cannot be used" in refusal_of(place)


def test_what_the_role_cannot_dump_is_remarked(make_place: Callable[..., Environment]) -> None:
    place = make_place(
        "CREATE TABLE secret (n int)",
        "ALTER TABLE secret ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE secret FORCE ROW LEVEL SECURITY",
    )

    assert any("Row-level security hides rows of secret" in remark for remark in inspect(place))


def test_a_pooler_is_remarked(place: Environment) -> None:
    address = place.database_address
    with wire(address, like_a_pooler) as port:
        place.database_address = replace(address, host="127.0.0.1", port=port)

        assert "leads through a pooler" in inspect(place)[-1]


def test_wrong_parts_of_the_address_are_refused_each_with_its_sentence(place: Environment) -> None:
    right = place.database_address
    said = []
    for wrong in (replace(right, name="nothing"), replace(right, user="nobody"), replace(right, host="/nowhere")):
        place.database_address = wrong
        said.append(refusal_of(place))

    assert [
        next(words for words in ("has no database", "has no role", "No server answers") if words in sentence)
        for sentence in said
    ] == ["has no database", "has no role", "No server answers"]
    assert not any(right.password in sentence for sentence in said)


def test_a_server_newer_than_every_client_is_refused(
    place: Environment, monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> None:
    for name in ("pg_dump", "pg_restore"):
        (tmp_path / name).write_text('#!/bin/sh\necho "pg_dump (PostgreSQL) 14.9"\n')
        (tmp_path / name).chmod(0o755)
    settings.PG_BIN = str(tmp_path)
    monkeypatch.setattr(tools, "WHEELS", ())
    monkeypatch.setattr(tools, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    said = refusal_of(place)

    assert "The server is PostgreSQL 17" in said
    assert "14.9" in said


def test_the_same_database_by_another_way_is_refused(place: Environment) -> None:
    """Addresses cannot tell; the server can."""
    address = place.database_address
    with wire(address, bytes) as port:
        other: Environment = EnvironmentFactory.build(app=place.app, region=place.region, package=None)
        other.database_address = replace(address, host="127.0.0.1", port=port)

        assert f"is already that of {place}, by another address" in refusal_of(other)


def test_a_namesake_on_another_server_or_out_of_reach_is_in_nobodys_way(place: Environment) -> None:
    EnvironmentFactory(database=DatabaseAddress("127.0.0.1", 1, place.database_address.name, "app").to_url())

    assert inspect(place)


def test_the_apps_sessions_are_counted_for_whoever_stops_it(place: Environment) -> None:
    address = place.database_address
    eventually(lambda: sessions_in(place) == [])  # those that made the tables end in the server's own time

    with psycopg.connect(conninfo(address), password=address.password, application_name="order desk"):
        assert sessions_in(place) == [f"order desk, {address.user}"]
