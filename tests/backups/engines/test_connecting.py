"""Looking at a database: what is seen, and a sentence of its own for each way of not getting in."""

import logging
import time
from dataclasses import replace

import pytest

from backups.engines import connecting
from backups.engines.postgresql import look_at
from backups.errors import DatabaseMissing, DatabaseUnreachable, Failed, PasswordRefused
from environments.addresses import DatabaseAddress
from portal.demo.postgres import Postgres

from .conftest import PASSWORD, Make, run, superuser
from .wires import closed_port, falling_silent, like_a_pooler, silence, wire


def refusal_of(address: DatabaseAddress) -> Failed:
    with pytest.raises(Failed) as refusal:
        look_at(address)
    assert PASSWORD not in str(refusal.value)
    return refusal.value


def test_a_database_is_seen_as_it_is(make: Make, server: Postgres) -> None:
    address = make(
        "CREATE TABLE one (n int)", "CREATE SCHEMA s", "CREATE TABLE s.two (n int)", "CREATE VIEW v AS SELECT 1"
    )

    seen = look_at(address)

    with superuser(server, address.name) as admin:
        row = admin.execute("SELECT pg_database_size(current_database()), current_setting('server_version')").fetchone()
    assert row and abs(seen.database_bytes - row[0]) < 1_000_000
    assert row[1].startswith(seen.version)
    assert (seen.major, seen.tables_count) == (int(seen.version.split(".")[0]), 2)
    assert seen.watches_clients
    assert not seen.is_pooled


def test_each_wrong_part_of_an_address_has_its_own_error_and_sentence(make: Make) -> None:
    address = make()
    port = closed_port()

    password = refusal_of(address.with_password("wrong"))
    name = refusal_of(replace(address, name="nothing-here"))
    host = refusal_of(replace(address, host="127.0.0.1", port=port))

    assert (type(password), type(name), type(host)) == (PasswordRefused, DatabaseMissing, DatabaseUnreachable)
    assert f"does not accept the password of {address.user}" in str(password)
    assert "has no database nothing-here" in str(name)
    assert f"No server answers at 127.0.0.1:{port}" in str(host)
    assert all("Nothing was changed." in str(error) for error in (password, name, host))


def test_other_refusals_are_told_apart_too(make: Make, server: Postgres) -> None:
    address = make()
    run(server, address, f'REVOKE CONNECT ON DATABASE "{address.name}" FROM PUBLIC, "{address.name}"')

    assert "Grant CONNECT" in str(refusal_of(address))
    assert "none" in str(refusal_of(address.with_password("")))
    assert "is not known to this machine" in str(refusal_of(replace(address, host="no-such-host.invalid")))
    assert "No server answers at the socket in /nowhere" in str(refusal_of(replace(address, host="/nowhere")))


def test_a_role_that_is_not_there_is_named(postgres: Postgres) -> None:
    """Only a server that asks for no password tells."""
    error = refusal_of(replace(postgres.address(), user="nobody-here"))

    assert isinstance(error, PasswordRefused)
    assert "has no role nobody-here" in str(error)


def test_a_silent_address_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 3 * connecting.CONNECT_WITHIN_SECONDS <= 30
    monkeypatch.setattr(connecting, "CONNECT_WITHIN_SECONDS", 2)  # libpq's smallest
    with silence() as port:
        began = time.monotonic()
        error = refusal_of(DatabaseAddress("127.0.0.1", port, "app", "app", PASSWORD))

    assert time.monotonic() - began < 5
    assert isinstance(error, DatabaseUnreachable)
    assert "does not answer in time" in str(error)


def test_a_server_that_falls_silent_later_is_given_up_too(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    assert connecting.CONNECT_WITHIN_SECONDS + connecting.SHUT_AFTER_SECONDS <= 30
    monkeypatch.setattr(connecting, "SHUT_AFTER_SECONDS", 0.5)
    address = make()
    with wire(address, falling_silent()) as port:
        began = time.monotonic()
        error = refusal_of(replace(address, host="127.0.0.1", port=port))

    assert time.monotonic() - began < 5
    assert isinstance(error, DatabaseUnreachable)


def test_a_slow_question_is_given_up_by_the_server(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "ANSWER_WITHIN_SECONDS", 1)
    address = make()

    with pytest.raises(DatabaseUnreachable, match="does not answer in time"), connecting.visit(address) as db:
        db.execute("SELECT pg_sleep(30)")


def test_a_pooler_is_recognised(make: Make) -> None:
    address = make()
    with wire(address, like_a_pooler) as port:
        seen = look_at(replace(address, host="127.0.0.1", port=port))

    assert seen.is_pooled


def test_looking_writes_nothing_and_logs_no_password(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    address = make()
    with caplog.at_level(logging.DEBUG):
        look_at(address)
        with pytest.raises(DatabaseUnreachable, match="read-only"), connecting.visit(address) as db:
            db.execute("CREATE TABLE written (n int)")

    assert PASSWORD not in caplog.text


def test_the_address_reaches_libpq_whole_whatever_the_names_hold(make: Make) -> None:
    """Names that look like options, like other parameters, or like addresses stay names."""
    for name in ("--file=x", "a b='c' host=evil", "postgresql://evil/x", 'quo"te\\', "$(id); ünï"):
        address = make("CREATE TABLE one (n int)", name=name)

        assert look_at(address).tables_count == 1
