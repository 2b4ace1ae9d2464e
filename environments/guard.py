"""The guard: starts one program, and sees to it that nothing of it outlives the worker that asked for it.

A program of its own, with nothing but the standard library: `python -I -S guard.py PARENT -- COMMAND …`. Told to stop
(SIGTERM), or left by its parent, it asks the command's process group to stop, and kills it five seconds later. Where
the system has no prctl (macOS), a lost parent is noticed by looking, and grandchildren in groups of their own live on.
"""

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

PATIENCE_SECONDS = 5
LOOK_FOR_PARENT_SECONDS = 1
CANNOT_START = 127
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
HEARD = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM}
# A kernel out of memory takes the command first, not the worker.
OOM_SCORE = 500


def prctl(option: int, value: int) -> bool:
    """Ask Linux for something about this process; False where there is no such call."""
    try:
        return int(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)) == 0
    except (AttributeError, OSError):
        return False


def die_with_parent(number: int) -> bool:
    """Get this signal when the thread that started this process ends."""
    return prctl(PR_SET_PDEATHSIG, number)


def main(parent: int, command: list[str]) -> int:
    """Start the command and wait for its end; returns its exit code, or 128 + the signal that ended it."""
    is_bound = die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:  # it ended before the line above
        return 128 + signal.SIGTERM
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # what has a handler is kept while it is blocked
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    child = os.fork()
    if child == 0:
        become(command)
    with contextlib.suppress(OSError):  # both sides say it, so that neither has to wait for the other
        os.setpgid(child, child)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):  # the reader's end of output is the command's end of output
        os.dup2(nothing, stream)
    try:
        return watch(child, parent, is_bound)
    finally:
        clear(child)


def become(command: list[str]) -> None:
    """In the new process: turn into the command. Never returns."""
    try:
        os.setpgid(0, 0)
        die_with_parent(signal.SIGKILL)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))
        # The workers of the queue ignore SIGINT, Python ignores SIGPIPE: programs expect neither.
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGPIPE, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.execvp(command[0], command)  # noqa: S606 - never a shell
    except OSError as error:
        os.write(2, f"{command[0]} cannot be started: {error.strerror}\n".encode())
    finally:
        os._exit(CANNOT_START)


def watch(child: int, parent: int, is_bound: bool) -> int:
    """Wait for the command's end; when told to stop: TERM to its group, KILL after the patience is over."""
    asked = False
    if not is_bound:
        signal.alarm(LOOK_FOR_PARENT_SECONDS)
    while True:
        number = signal.sigwait(HEARD)
        code = collect(child)
        if code is not None:
            return code
        if number == signal.SIGALRM and (asked or os.getppid() == parent):
            if asked:
                send(child, signal.SIGKILL)
            else:
                signal.alarm(LOOK_FOR_PARENT_SECONDS)
        elif number != signal.SIGCHLD and not asked:
            asked = True
            send(child, signal.SIGTERM)
            signal.alarm(PATIENCE_SECONDS)


def collect(child: int) -> int | None:
    """Let ended processes go; the command's exit code when it is among them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            found = code if code >= 0 else 128 - code


def clear(child: int) -> None:
    """Kill what the command left behind: its group, and whatever came to this process when its parent ended."""
    send(child, signal.SIGKILL)
    while True:
        for pid in own_children():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def own_children() -> list[int]:
    """The processes whose parent is this one; none where there is no /proc."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # After the name, which is in parentheses and may hold anything: state, parent, …
            if int(entry.read_text(errors="replace").rpartition(")")[2].split()[1]) == os.getpid():
                found.append(int(entry.parent.name))
    return found


def send(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[3:]))
