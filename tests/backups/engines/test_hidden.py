"""What a role cannot read is named before the first backup fails of it."""

import pytest

from backups.engines.hidden import what_is_hidden
from environments.addresses import DatabaseAddress
from portal.demo.postgres import Postgres

from .conftest import Make, as_owner, run
from .test_postgresql import quoted

POLICY = (
    "CREATE TABLE secret (n int)",
    "ALTER TABLE secret ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY above_one ON secret USING (n > 1)",
)


def test_an_owner_sees_everything_of_its_own(make: Make) -> None:
    address = make()
    with as_owner(address) as own:
        for statement in ("CREATE SCHEMA s", "CREATE TABLE s.one (id serial)", *POLICY, "SELECT lo_from_bytea(1, 'x')"):
            own.execute(statement)  # type: ignore[arg-type]

    assert what_is_hidden(address) == []


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (("CREATE TABLE other (n int)",), "may not read other. Every backup would fail"),
        (("CREATE SEQUENCE other",), "may not read other."),
        (("CREATE SCHEMA other", "CREATE TABLE other.one (n int)"), "may not use the schema other."),
        ((*POLICY, "GRANT SELECT ON secret TO PUBLIC"), "Row-level security hides rows of secret from"),
        (("SELECT lo_from_bytea(7001, 'x')",), "may not read the large object 7001."),
    ],
)
def test_each_kind_of_hidden_thing_has_its_sentence(make: Make, statements: tuple[str, ...], said: str) -> None:
    address = make(*statements)

    found = what_is_hidden(address)

    assert len(found) == 1
    assert said in found[0]
    assert address.user in found[0]


def test_forced_row_security_hides_from_the_owner_too(make: Make, server: Postgres) -> None:
    address = make(*POLICY)
    run(server, address, f"ALTER TABLE secret OWNER TO {quoted(address)}")
    assert what_is_hidden(address) == []

    run(server, address, "ALTER TABLE secret FORCE ROW LEVEL SECURITY")

    assert "Row-level security" in what_is_hidden(address)[0]


def test_what_is_granted_is_not_hidden(make: Make, server: Postgres) -> None:
    address = make(*POLICY, "CREATE TABLE other (n int)", "SELECT lo_from_bytea(7001, 'x')")
    role = quoted(address)
    run(server, address, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}", f"ALTER ROLE {role} BYPASSRLS")
    run(server, address, f"GRANT SELECT ON LARGE OBJECT 7001 TO {role}")

    assert what_is_hidden(address) == []


def test_nothing_is_hidden_from_a_superuser(make: Make, server: Postgres) -> None:
    address = make(*POLICY, "SELECT lo_from_bytea(7001, 'x')")

    assert what_is_hidden(server.address(address.name)) == []


def test_what_an_extension_brings_is_not_asked_for(make: Make) -> None:
    address: DatabaseAddress = make(
        "CREATE TABLE t (n int)",
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
        "DROP TABLE t",
        "CREATE SCHEMA e",
        "CREATE EXTENSION citext SCHEMA e",
        "CREATE TABLE e.own (n int)",
        "ALTER EXTENSION citext ADD TABLE e.own",
        "GRANT USAGE ON SCHEMA e TO PUBLIC",
    )

    assert what_is_hidden(address) == []


def test_many_names_are_cut(make: Make) -> None:
    address = make(*(f"CREATE TABLE t{number} (n int)" for number in range(6)))

    assert "t0, t1, t2 and 3 more" in what_is_hidden(address)[0]
