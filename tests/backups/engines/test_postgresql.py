"""Dumps: how pg_dump is asked, that what comes out can be restored, and what is said when it fails."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as some
from psycopg.conninfo import conninfo_to_dict

from backups.engines.postgresql import Server, check_dump, dump, dump_command, explain, look_at
from backups.engines.tools import Tools
from backups.errors import DumpFailed, DumpIncomplete
from environments.addresses import DatabaseAddress
from environments.programs import PASS_PREFIX, Program, ProgramFailed
from portal.demo.postgres import Postgres
from tests.workers import eventually

from .conftest import PASSWORD, Make, as_owner, run, superuser

LABEL = "op-0123456789abcdef0123456789abcdef.1"
NEW = Tools(Path("/new"), "17.10", 17, has_zstd=True, has_lz4=True)
PLAIN = Tools(Path("/plain"), "18.6", 18, has_zstd=False)
OLD = Tools(Path("/old"), "15.18", 15, has_zstd=False)
MODERN = Server("17.10", 17, 0, 0, watches_clients=True)
ADDRESS = DatabaseAddress("db.example.org", 5432, "shop", "shop", PASSWORD)
LARGE = "CREATE TABLE large AS SELECT n, repeat(md5(n::text), 20) AS text FROM generate_series(1, 120000) n"
names = some.text(some.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


def command(address: DatabaseAddress = ADDRESS, tools: Tools = NEW, compression: str = "zstd:1", **more: object):  # type: ignore[no-untyped-def]
    return dump_command(address, tools, compression=compression, pass_file=Path("/run/pass"), label=LABEL, **more)  # type: ignore[arg-type]


def read(program: Program) -> bytes:
    dumped = b"".join(program.stream())
    program.check()
    return dumped


@given(host=names, name=names, user=names)
def test_no_name_becomes_an_option_and_the_password_is_nowhere(host: str, name: str, user: str) -> None:
    arguments, environ = command(replace(ADDRESS, host=host, name=name, user=user))

    assert all(one.startswith(("--", "/new/")) for one in arguments)
    said = next(one for one in arguments if one.startswith("--dbname=")).removeprefix("--dbname=")
    parts = conninfo_to_dict(said)
    assert (parts["host"], parts["dbname"], parts["user"]) == (host, name, user)
    assert not any(PASSWORD in text for text in (*arguments, *environ.values()))
    assert "PGPASSWORD" not in environ


def test_a_dump_waits_for_no_password_and_not_for_ever_for_a_lock() -> None:
    arguments, environ = command()

    assert {"--no-password", "--lock-wait-timeout=60000", "--format=custom"} <= set(arguments)
    assert environ["PGAPPNAME"] == LABEL
    assert environ["LC_MESSAGES"] == "C"
    assert environ["PGPASSFILE"] == "/run/pass"


@pytest.mark.parametrize("tools", [NEW, PLAIN, OLD])
@pytest.mark.parametrize("server", [None, MODERN, replace(MODERN, is_pooled=True)])
def test_row_security_is_never_switched_on(tools: Tools, server: Server | None) -> None:
    """It would leave rows out and say nothing."""
    arguments, environ = command(tools=tools, server=server)

    assert not any("row" in text for text in (*arguments, *environ.values()))


@pytest.mark.parametrize(
    ("tools", "wished", "given"),
    [
        (NEW, "zstd:1", "zstd:1"),
        (NEW, "lz4", "lz4"),
        (NEW, "none", "none"),
        (NEW, "none:3", "none"),
        (PLAIN, "zstd:3", "gzip:1"),
        (PLAIN, "lz4:9", "gzip:1"),
        (PLAIN, "gzip:6", "gzip:6"),
        (OLD, "zstd:1", "1"),
        (OLD, "gzip:4", "4"),
        (OLD, "gzip", "6"),
        (OLD, "none", "0"),
    ],
)
def test_the_client_is_asked_for_a_compression_that_it_has(tools: Tools, wished: str, given: str) -> None:
    assert f"--compress={given}" in command(tools=tools, compression=wished)[0]


def test_only_a_server_that_knows_it_is_asked_to_watch_its_client() -> None:
    assert command(server=MODERN)[1]["PGOPTIONS"] == "-c client_connection_check_interval=1s"
    for server in (None, replace(MODERN, watches_clients=False), replace(MODERN, is_pooled=True)):
        assert "PGOPTIONS" not in command(server=server)[1]


def test_a_dump_is_complete_and_named_while_it_runs(make: Make, server: Postgres, tools: Tools) -> None:
    address = make("CREATE TABLE one AS SELECT generate_series(1, 1000) AS n", LARGE, name='-o "odd" name; $(id) ünï')
    run(server, address, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {quoted(address)}")

    with dump(address, tools, compression="zstd:1", label=LABEL, server=look_at(address)) as program:
        stream = program.stream()
        first = next(chunk for chunk in stream if chunk)
        with superuser(server) as admin:
            named = "SELECT datname FROM pg_stat_activity WHERE application_name = %s"
            assert admin.execute(named, [LABEL]).fetchall() == [(address.name,)]
        dumped = first + b"".join(stream)
        program.check()

    assert dumped.startswith(b"PGDMP")
    check_dump([dumped], tools)


def test_the_password_is_seen_nowhere_while_a_dump_runs(make: Make, server: Postgres, tools: Tools) -> None:
    address = make("CREATE TABLE one (n int)")
    run(server, address, f"ALTER TABLE one OWNER TO {quoted(address)}")
    with as_owner(address) as app:
        app.execute("LOCK TABLE one IN ACCESS EXCLUSIVE MODE")  # so that the dump waits
        with dump(address, tools, compression="zstd:1", label=LABEL, lock_wait_seconds=60) as program:
            assert eventually(lambda: waits_for_a_lock(server))
            seen = b"".join(everything_processes_show())
            pass_files = [Path(word.split(b"=", 1)[1].decode()) for word in seen.split(b"\0") if b"PGPASSFILE" in word]

            assert LABEL.encode() in seen
            assert PASSWORD.encode() not in seen
            own = {path for path in pass_files if path.name.startswith(f"{PASS_PREFIX}{os.getpid()}-")}
            assert {path.stat().st_mode & 0o777 for path in own} == {0o600}
            app.rollback()
            read(program)

    assert not any(path.exists() for path in own)


def test_a_table_that_stays_locked_is_named_with_who_holds_it(make: Make, server: Postgres, tools: Tools) -> None:
    address = make("CREATE TABLE one (n int)", 'CREATE TABLE "The orders, all" (n int)')
    run(
        server,
        address,
        f'ALTER TABLE one OWNER TO {quoted(address)}; ALTER TABLE "The orders, all" OWNER TO {quoted(address)}',
    )
    with as_owner(address, application_name="order desk") as app:
        app.execute('LOCK TABLE "The orders, all" IN ACCESS EXCLUSIVE MODE')
        failure = failure_of(address, tools, lock_wait_seconds=1)

        sentence = str(explain(failure, address))

    assert 'The table "The orders, all" is locked by order desk' in sentence
    assert "Nothing was stored." in sentence
    assert "is locked by another session" in str(explain(failure, address)), "when the lock has gone meanwhile"


def test_a_backend_killed_midway_fails_the_dump(make: Make, server: Postgres, tools: Tools) -> None:
    address = make(LARGE)
    run(server, address, f"ALTER TABLE large OWNER TO {quoted(address)}")
    with dump(address, tools, compression="none", label=LABEL) as program:
        stream = program.stream()
        dumped = next(chunk for chunk in stream if chunk)
        with superuser(server) as admin:
            ended = admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [LABEL]
            ).fetchall()
        dumped += b"".join(stream)
        with pytest.raises(ProgramFailed) as failure:
            program.check()

    assert ended == [(True,)]
    error = explain(failure.value, address)
    assert isinstance(error, DumpFailed)
    assert "was ended while the database was read" in str(error)
    assert "Nothing was stored." in str(error)
    with pytest.raises(DumpIncomplete):
        check_dump([dumped], tools)


def test_rows_that_the_role_may_not_see_fail_the_dump(make: Make, server: Postgres, tools: Tools) -> None:
    address = make("CREATE TABLE secret (n int)", "ALTER TABLE secret ENABLE ROW LEVEL SECURITY")
    run(server, address, f"GRANT SELECT ON secret TO {quoted(address)}")

    sentence = str(explain(failure_of(address, tools), address))

    assert f"Row-level security hides rows of the table secret from {address.user}" in sentence


def test_a_table_that_the_role_may_not_read_is_named(make: Make, tools: Tools) -> None:
    address = make("CREATE TABLE secret (n int)")

    assert f"{address.user} may not read the table secret" in str(explain(failure_of(address, tools), address))


def test_a_large_object_of_another_role_is_named(make: Make, tools: Tools) -> None:
    address = make("SELECT lo_from_bytea(7001, 'x')")

    assert f"{address.user} may not read the large object 7001" in str(explain(failure_of(address, tools), address))


def test_a_cut_dump_is_found_although_its_contents_can_be_listed(make: Make, tools: Tools, tmp_path: Path) -> None:
    address = make(LARGE)
    with dump(replace(address, user="postgres", password=""), tools, compression="gzip:1", label=LABEL) as program:
        whole = read(program)
    file = tmp_path / "cut.backup"
    file.write_bytes(whole[: len(whole) // 3])

    subprocess.run([tools.path("pg_restore"), "-l", str(file)], check=True, capture_output=True)
    with pytest.raises(DumpIncomplete, match="does not read to its end"):
        check_dump(file, tools)
    with pytest.raises(DumpIncomplete):
        check_dump([whole[:100], whole[100 : len(whole) // 3]], tools)
    file.write_bytes(whole)
    check_dump(file, tools)


def test_what_is_no_dump_is_found(tools: Tools, tmp_path: Path) -> None:
    for content in (b"", b"SELECT 1;\n", b"PGDMP", b"\0" * 1000):
        with pytest.raises(DumpIncomplete):
            check_dump([content], tools)


def test_reading_a_dump_beats_all_the_while(make: Make, tools: Tools) -> None:
    address = make(LARGE)
    with dump(replace(address, user="postgres", password=""), tools, compression="none", label=LABEL) as program:
        whole = read(program)
    beats = iter(range(1_000_000))

    check_dump((whole[at : at + 65536] for at in range(0, len(whole), 65536)), tools, beat=lambda: next(beats))

    assert next(beats) > 3


def test_a_dump_left_midway_leaves_no_session(make: Make, server: Postgres, tools: Tools) -> None:
    address = make(LARGE)
    run(server, address, f"ALTER TABLE large OWNER TO {quoted(address)}")

    with dump(address, tools, compression="none", label=LABEL, server=look_at(address)) as program:
        next(chunk for chunk in program.stream() if chunk)

    with superuser(server) as admin:
        assert eventually(lambda: sessions(admin) == 0)


def quoted(address: DatabaseAddress) -> str:
    return '"' + address.user.replace('"', '""') + '"'


def failure_of(address: DatabaseAddress, tools: Tools, lock_wait_seconds: int = 60) -> ProgramFailed:
    with (
        dump(address, tools, compression="zstd:1", label=LABEL, lock_wait_seconds=lock_wait_seconds) as program,
        pytest.raises(ProgramFailed) as failure,
    ):
        read(program)
    return failure.value


def sessions(admin: psycopg.Connection) -> int:
    row = admin.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [LABEL]).fetchone()
    assert row
    return int(row[0])


def waits_for_a_lock(server: Postgres) -> bool:
    with superuser(server) as admin:
        found = admin.execute(
            "SELECT 1 FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'", [LABEL]
        ).fetchone()
    return found is not None


def everything_processes_show() -> Iterator[bytes]:
    """Arguments and environments of all processes, as far as they may be read. This one's own are the test's."""
    for process in Path("/proc").glob("[0-9]*"):
        for part in ("cmdline", "environ"):
            try:
                yield (process / part).read_bytes() + b"\0"
            except OSError:
                continue
