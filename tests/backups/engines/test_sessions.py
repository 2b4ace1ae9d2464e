"""Who is on a database, and which database an address leads to."""

from dataclasses import replace

from backups.engines.connecting import conninfo, visit
from backups.engines.identity import identity_of
from backups.engines.sessions import sessions_of
from portal.demo.postgres import Postgres

from .conftest import Make, as_owner, superuser
from .wires import wire


def test_the_apps_sessions_are_named_with_application_and_person(make: Make) -> None:
    address = make()
    with as_owner(address, application_name="order desk"), as_owner(address, application_name=""):
        assert sessions_of(address) == [f"order desk, {address.user}", f"unnamed, {address.user}"]

    assert sessions_of(address) == []


def test_sessions_of_others_are_seen_though_little_is_shown_of_them(make: Make, server: Postgres) -> None:
    address = make()
    with superuser(server, address.name):
        assert len(sessions_of(address)) == 1


def test_the_portals_own_sessions_and_those_elsewhere_do_not_count(make: Make, server: Postgres) -> None:
    address = make()
    label = "op-0123456789abcdef0123456789abcdef.2"
    with as_owner(address, application_name=label), visit(address), superuser(server):
        assert sessions_of(address) == []


def test_an_app_that_is_called_portal_counts(make: Make) -> None:
    address = make()
    for name in ("portal", "op-1", "operations"):
        with as_owner(address, application_name=name):
            assert sessions_of(address) == [f"{name}, {address.user}"]


def test_a_database_is_the_same_by_every_way(make: Make) -> None:
    address = make()
    with wire(address, bytes) as port:
        assert identity_of(replace(address, host="127.0.0.1", port=port)) == identity_of(address) is not None


def test_databases_of_one_server_and_of_two_are_told_apart(make: Make, postgres: Postgres) -> None:
    one, other = identity_of(make()), identity_of(make())

    assert one and other
    assert one[0] == other[0]
    assert one[1] != other[1]
    assert identity_of(postgres.address()) not in (one, other)


def test_a_server_that_does_not_tell_its_number_is_no_error(make: Make, server: Postgres) -> None:
    address = make()
    with superuser(server, address.name) as admin:
        admin.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")

    assert identity_of(address) is None
    assert "host=" in conninfo(address)
