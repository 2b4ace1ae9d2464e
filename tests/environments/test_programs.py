"""Programs: streamed, fed, ended with all they started; and their last words fit to be shown."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest

from environments.addresses import DatabaseAddress
from environments.errors import Failed
from environments.programs import (
    PASS_PREFIX,
    Program,
    ProgramFailed,
    end_child,
    kill_session,
    pass_file,
    redact,
    start_ticks,
    sweep_pass_files,
)
from portal.demo.postgres import Postgres
from tests.workers import ROOT, eventually, is_running, offspring_of


def run(*arguments: str, **options: object) -> bytes:
    with Program(arguments, environ={}, **options) as program:  # type: ignore[arg-type]
        output = b"".join(program.stream())
        program.check()
    return output


def test_output_comes_as_it_is() -> None:
    assert run("printf", r"a\0b\n") == b"a\0b\n"


def test_much_output_comes_whole_and_in_bounded_chunks() -> None:
    size = 50_000_000
    with Program(["head", "-c", str(size), "/dev/zero"], environ={}, chunk=100_000) as program:
        chunks = [len(chunk) for chunk in program.stream()]
        program.check()

    assert (sum(chunks), max(chunks) <= 100_000) == (size, True)


def test_while_nothing_comes_the_caller_still_gets_its_turn() -> None:
    with Program(["sh", "-c", "sleep 1.3; echo end"], environ={}) as program:
        moments = [time.monotonic()]
        chunks = []
        for chunk in program.stream():
            moments.append(time.monotonic())
            chunks.append(chunk)

    assert chunks.count(b"") >= 2
    assert b"".join(chunks) == b"end\n"
    assert max(later - earlier for earlier, later in pairwise(moments)) < 1.2


def test_waiting_beats() -> None:
    beats = []
    with Program(["sh", "-c", "echo output; sleep 0.7"], environ={}) as program:
        program.wait(lambda: beats.append(1))
        program.check()

    assert beats


def test_a_failure_tells_the_program_the_code_and_its_last_words() -> None:
    with pytest.raises(ProgramFailed) as failed:
        run("sh", "-c", "echo first >&2; echo 'no such table' >&2; exit 3")

    assert (failed.value.program, failed.value.exit_code) == ("sh", 3)
    assert failed.value.last_words == "first\nno such table"


def test_a_program_that_is_killed_has_failed_too() -> None:
    with pytest.raises(ProgramFailed) as failed:
        run("sh", "-c", "kill -9 $$")

    assert failed.value.exit_code == 128 + 9


def test_a_program_that_is_not_there_is_a_failure_with_its_name() -> None:
    with pytest.raises(ProgramFailed, match="/nowhere/pg_dump cannot be started: No such file"):
        run("/nowhere/pg_dump")


def test_an_exit_code_after_a_full_output_is_not_overlooked() -> None:
    with pytest.raises(ProgramFailed):
        run("sh", "-c", "head -c 3000000 /dev/zero; exit 1")


def test_last_words_are_cut_from_the_front_and_hold_no_secret_and_no_control_character() -> None:
    noise = r"head -c 200000 /dev/zero | tr '\0' x >&2"
    script = rf"{noise}; printf 'login pä:ss/w with p%%C3%%A4%%3Ass%%2Fw \033[31m\a' >&2; exit 1"
    with pytest.raises(ProgramFailed) as failed:
        run("sh", "-c", script, secrets=["pä:ss/w", ""])

    words = failed.value.last_words
    assert len(words) <= 4096
    assert words.endswith(r"login ••• with ••• \x1b[31m\x07")


def test_a_longer_secret_is_hidden_before_a_part_of_it() -> None:
    assert redact("secretive secret", ["secret", "secretive"]) == "••• •••"


def test_a_program_is_fed_as_fast_as_it_takes() -> None:
    def feed() -> Iterator[bytes]:
        for _ in range(300):
            yield b"x" * 100_000
            yield b""

    assert run("wc", "-c", stdin=feed()).strip() == b"30000000"


def test_a_program_that_wants_no_more_is_not_waited_for() -> None:
    def feed() -> Iterator[bytes]:
        while True:
            yield b"x" * 100_000

    assert run("head", "-c", "3", stdin=feed()) == b"xxx"


def test_a_feed_that_breaks_ends_the_program() -> None:
    def feed() -> Iterator[bytes]:
        yield b"x"
        raise OSError("the vault is away")

    with pytest.raises(OSError, match="the vault is away"), Program(["cat"], environ={}, stdin=feed()) as program:
        list(program.stream())

    assert program.exit_code == 128 + signal.SIGTERM


def test_a_file_can_be_its_input(tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(b"abc")
    with (tmp_path / "input").open("rb") as file:
        assert run("cat", stdin=file) == b"abc"


def test_its_environment_is_what_is_given_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "secret")
    with Program(["env"], environ={"PGAPPNAME": "x", "PATH": "/usr/bin:/bin"}, label="op-1.1") as program:
        found = dict(line.split("=", 1) for line in b"".join(program.stream()).decode().splitlines())

    found.pop("LC_CTYPE", None)  # Python's own
    assert found == {"PGAPPNAME": "x", "PATH": "/usr/bin:/bin", "PORTAL_OPERATION": "op-1.1"}


@pytest.mark.parametrize("words", ["$(echo shell)", "; echo shell", "`echo shell`", "--help"])
def test_nothing_passes_through_a_shell(words: str) -> None:
    assert run("printf", "%s", words) == words.encode()


def test_an_error_in_the_loop_ends_the_program_and_what_it_started() -> None:
    with (
        pytest.raises(KeyError),
        Program(["sh", "-c", "sleep 61 & setsid sleep 62 & exec sleep 63"], environ={}) as one,
    ):
        guard = int(one.child.partition("|")[0])
        family = eventually(lambda: (found := [guard, *offspring_of(guard)]) and len(found) == 4 and found)
        raise KeyError

    assert not [pid for pid in family if is_running(pid)]


def test_a_program_that_ignores_being_asked_is_killed_five_seconds_later(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    script = f"trap 'date +%s%N >> {asked}' TERM; echo ready; while :; do sleep 0.05; done"
    with Program(["sh", "-c", script], environ={}) as program:
        assert next(program.stream()) == b"ready\n"
        began = time.monotonic()
        program.end()
        took = time.monotonic() - began

    assert asked.exists()  # it was asked first
    assert 4.5 < took < 15
    assert program.exit_code == 128 + signal.SIGKILL


def test_a_killed_worker_takes_its_programs_along() -> None:
    script = textwrap.dedent(
        """
        import sys, time
        from environments.programs import Program
        with Program(["sh", "-c", "sleep 61 & setsid sleep 62 & exec sleep 63"], environ={}) as program:
            print(program.child, flush=True)
            time.sleep(600)
        """
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout
        guard = int(worker.stdout.readline().partition("|")[0])
        family = eventually(lambda: (found := [guard, *offspring_of(guard)]) and len(found) == 4 and found)

        worker.kill()

        eventually(lambda: not [pid for pid in family if is_running(pid)])


def test_the_child_of_another_process_is_ended_with_its_family() -> None:
    with Program(["sh", "-c", "sleep 61 & exec sleep 63"], environ={}) as program:
        guard = int(program.child.partition("|")[0])
        family = eventually(lambda: (found := [guard, *offspring_of(guard)]) and len(found) == 3 and found)

        end_child(program.child)

        assert not [pid for pid in family if is_running(pid)]


def test_what_a_killed_guard_left_in_its_session_is_ended() -> None:
    with Program(["sh", "-c", "sleep 61 & exec sleep 63"], environ={}) as program:
        guard = int(program.child.partition("|")[0])
        family = eventually(lambda: (found := [guard, *offspring_of(guard)]) and len(found) == 3 and found)
        os.kill(guard, signal.SIGKILL)
        eventually(lambda: not is_running(guard))

        end_child(program.child)

        assert not [pid for pid in family if is_running(pid)]


@pytest.mark.parametrize("child", ["", "|", "4711|", "x|1", "999999999|5"])
def test_a_child_that_is_none_is_no_error(child: str) -> None:
    end_child(child)


def test_a_session_is_killed_and_its_neighbours_are_not() -> None:
    with (
        subprocess.Popen(["sh", "-c", "sleep 61 & exec sleep 62"], start_new_session=True) as one,
        subprocess.Popen(["sleep", "60"], start_new_session=True) as other,
    ):
        family = eventually(lambda: (found := [one.pid, *offspring_of(one.pid)]) and len(found) == 2 and found)

        kill_session(one.pid)
        one.wait()

        eventually(lambda: not [pid for pid in family if is_running(pid)])
        assert is_running(other.pid)
        other.kill()


def test_a_process_that_has_ended_has_no_identity() -> None:
    with subprocess.Popen(["true"]) as process:
        eventually(lambda: start_ticks(process.pid) == "")  # also while nobody has collected it


def test_a_pass_file_is_readable_by_nobody_else_escaped_and_gone_afterwards() -> None:
    address = DatabaseAddress("db.example.org", 5433, "sh:op", "own\\er", "pä:ss\\word")
    with pass_file(address) as path:
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.read_text("utf-8") == "db.example.org:5433:sh\\:op:own\\\\er:pä\\:ss\\\\word\n"

    assert not path.exists()


def test_a_pass_file_is_what_libpq_reads(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    where = postgres.address("postgres", "someone:odd\\", "pä:ss\\word")

    with pass_file(where) as path:
        used = psycopg.pq.PGconn.connect(
            f"host={where.host} port={where.port} dbname=postgres user='someone:odd\\\\' passfile={path}".encode()
        )
        assert used.password == "pä:ss\\word".encode()
        used.finish()


def test_a_password_with_a_line_break_is_refused_in_words() -> None:
    with pytest.raises(Failed, match="line break"), pass_file(DatabaseAddress("h", 1, "d", "u", "a\nb")):
        pass


def test_pass_files_of_killed_processes_are_removed_and_of_living_ones_kept() -> None:
    folder = Path(tempfile.gettempdir())
    left = folder / f"{PASS_PREFIX}999999999-5-abc"
    odd = folder / f"{PASS_PREFIX}odd"
    reused = folder / f"{PASS_PREFIX}{os.getpid()}-1-abc"
    try:
        for path in (left, odd, reused):
            path.touch()
        with pass_file(DatabaseAddress("h", 1, "d", "u", "p")) as mine:
            sweep_pass_files()
            assert mine.exists()
        assert (left.exists(), reused.exists(), odd.exists()) == (False, False, True)
    finally:
        for path in (left, odd, reused):
            path.unlink(missing_ok=True)
