"""The guard by itself, as a program: what it passes on, what it asks, what it clears away."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from environments.programs import GUARD
from tests.workers import ROOT, eventually, is_running, offspring_of, stat

FAMILY = "sleep 61 & setsid sleep 62 & exec sleep 63"


def guarded(*command: str, **options: object) -> "subprocess.Popen[str]":
    arguments = [sys.executable, "-I", "-S", str(GUARD), str(os.getpid()), "--", *command]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, start_new_session=True, **options)  # type: ignore[call-overload, no-any-return]


def family_of(guard: "subprocess.Popen[str]") -> list[int]:
    """The guard, its program, and the program's two children."""
    return eventually(lambda: (found := [guard.pid, *offspring_of(guard.pid)]) and len(found) == 4 and found)


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137), ("kill -15 $$", 143)])
def test_it_ends_as_its_program_ends(script: str, code: int) -> None:
    with guarded("sh", "-c", script) as guard:
        assert guard.wait(60) == code


def test_its_program_is_alone_in_its_group_and_dies_first_when_memory_is_short() -> None:
    with guarded("sh", "-c", "echo $$; cat /proc/$$/oom_score_adj; cut -d' ' -f5 /proc/$$/stat") as guard:
        assert guard.stdout
        pid, score, group = guard.stdout.read().split()

    assert (group, int(score) >= 500) == (pid, True)
    assert pid != str(guard.pid)


def test_output_ends_when_the_program_ends_it_though_the_guard_lives() -> None:
    with guarded("sh", "-c", "echo all; exec >&-; exec sleep 60") as guard:
        assert guard.stdout
        assert guard.stdout.read() == "all\n"
        assert guard.poll() is None
        guard.terminate()


def test_told_to_stop_it_asks_the_whole_group(tmp_path: Path) -> None:
    said = tmp_path / "said"
    script = f"(trap 'echo child >> {said}; exit' TERM; echo ready; while :; do sleep 0.05; done) & \
               trap 'wait; echo parent >> {said}; exit 9' TERM; echo ready; wait"
    with guarded("sh", "-c", script) as guard:
        assert guard.stdout
        assert [guard.stdout.readline().strip() for _ in range(2)] == ["ready", "ready"]

        guard.terminate()

        assert guard.wait(60) == 9
    assert sorted(said.read_text().split()) == ["child", "parent"]


def test_what_the_program_leaves_behind_is_cleared_though_it_ended_well() -> None:
    with guarded(
        "sh", "-c", "sleep 61 & setsid sleep 62 & echo ready; read wait; exit 0", stdin=subprocess.PIPE
    ) as guard:
        assert guard.stdout and guard.stdin
        guard.stdout.readline()
        family = family_of(guard)
        guard.stdin.close()

        assert guard.wait(60) == 0
        assert not [pid for pid in family if is_running(pid)]


def test_told_to_stop_it_clears_also_those_who_left_the_group() -> None:
    with guarded("sh", "-c", FAMILY) as guard:
        family = family_of(guard)
        guard.terminate()
        assert guard.wait(60) == 143

    assert not [pid for pid in family if is_running(pid)]


def test_killed_itself_it_takes_its_program_along() -> None:
    with guarded("sleep", "60") as guard:
        [program] = eventually(lambda: offspring_of(guard.pid))
        guard.kill()

        eventually(lambda: not is_running(program))


def test_a_parent_that_is_gone_already_starts_nothing(tmp_path: Path) -> None:
    made = tmp_path / "made"
    arguments = [sys.executable, "-I", "-S", str(GUARD), "1", "--", "touch", str(made)]

    assert subprocess.run(arguments, check=False).returncode == 143
    assert not made.exists()


def test_programs_do_not_inherit_that_workers_ignore_signals() -> None:
    def ignore() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    with guarded("grep", "SigIgn", "/proc/self/status", preexec_fn=ignore) as guard:
        assert guard.stdout
        ignored = int(guard.stdout.read().split()[1], 16)

    assert not ignored & (1 << (signal.SIGINT - 1) | 1 << (signal.SIGPIPE - 1))


def test_where_there_is_no_prctl_a_lost_parent_is_noticed_by_looking(tmp_path: Path) -> None:
    without = tmp_path / "guard.py"
    without.write_text(GUARD.read_text().replace("ctypes.CDLL(None, use_errno=True).prctl", "ctypes.nowhere"))
    script = textwrap.dedent(
        f"""
        import os, subprocess, sys, time
        guard = [sys.executable, "-I", "-S", {str(without)!r}, str(os.getpid()), "--", "sleep", "60"]
        print(subprocess.Popen(guard, start_new_session=True).pid, flush=True)
        time.sleep(600)
        """
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout
        guard = int(worker.stdout.readline())
        [program] = eventually(lambda: offspring_of(guard))
        assert stat(program)[2] == str(program)  # its own group

        worker.kill()

        eventually(lambda: not is_running(program))
        eventually(lambda: not is_running(guard))
