"""The guard: starts one program, and sees to it that nothing of it outlives the worker that asked for it.

A program of its own, with nothing but the standard library: `python -I -S guard.py PARENT OPTIONS -- COMMAND …`. The
options say what the command gives up first; where the system refuses one, the command is not started. Told to stop
(SIGTERM), or left by its parent, it asks the command's process group to stop, and kills it five seconds later. Where
the system has no prctl (macOS), a lost parent is noticed by looking, and grandchildren in groups of their own live on.

`--lets-live` is for commands that start something: what they leave behind when they end well
lives on. When they fail or are ended, their process group goes, and what made a group of its own lives on.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys

PATIENCE_SECONDS = 5
LOOK_FOR_PARENT_SECONDS = 1
CANNOT_START = 127
LETS_LIVE = "--lets-live"
BLOCK = 65536
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
LIMITS = {"--memory": resource.RLIMIT_AS, "--processor": resource.RLIMIT_CPU, "--file-size": resource.RLIMIT_FSIZE}
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


def main(parent: int, options: list[str], command: list[str]) -> int:
    """Start the command and wait for its end; returns its exit code, or 128 + the signal that ended it."""
    is_bound = die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:  # it ended before the line above
        return 128 + signal.SIGTERM
    nothing, lets_live = os.open(os.devnull, os.O_RDWR), LETS_LIVE in options
    if lets_live:
        os.dup2(nothing, 1)
        listen()
    else:
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # what has a handler is kept while it is blocked
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    child = os.fork()
    if child == 0:
        become(command, options)
    with contextlib.suppress(OSError):  # both sides say it, so that neither has to wait for the other
        os.setpgid(child, child)
    for stream in (0, 1):  # the reader's end of output is the command's end of output
        os.dup2(nothing, stream)
    code = CANNOT_START
    try:
        code = watch(child, parent, is_bound)
    finally:
        if not lets_live:
            clear(child)
        elif code != 0:
            send(child, signal.SIGKILL)
    return code


def listen() -> None:
    """Put somebody between the command's words and the worker who hears them, who goes on listening when the worker has
    gone: what lives on may talk for years, and must neither end of that nor fill a disk.
    """
    ear, mouth = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.close(mouth)
        is_heard = True
        while words := os.read(ear, BLOCK):
            try:
                is_heard = is_heard and os.write(2, words) > 0
            except OSError:  # nobody reads any more
                is_heard = False
        os._exit(0)
    os.dup2(mouth, 2)
    os.close(mouth)
    os.close(ear)


def become(command: list[str], options: list[str]) -> None:
    """In the new process: turn into the command. Never returns."""
    try:
        os.setpgid(0, 0)
        confine(options)
        die_with_parent(signal.SIGKILL)
        if LETS_LIVE not in options:
            with contextlib.suppress(OSError):
                say("/proc/self/oom_score_adj", str(OOM_SCORE))
        # The workers of the queue ignore SIGINT, Python ignores SIGPIPE: programs expect neither.
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGPIPE, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.execvp(command[0], command)  # noqa: S606 - never a shell
    except OSError as error:
        os.write(2, f"{command[0]} cannot be started: {error.strerror}\n".encode())
    finally:
        os._exit(CANNOT_START)


def confine(options: list[str]) -> None:
    """Give up for good what the command does not need: network, privileges, memory (bytes), processor (seconds).

    Raises:
        OSError: the system does not allow it.
    """
    for name, _, value in (option.partition("=") for option in options):
        if name == LETS_LIVE:
            continue
        if name == "--no-network":
            leave_network()
        elif name == "--no-new-privileges":
            if not prctl(PR_SET_NO_NEW_PRIVS, 1):
                raise OSError(0, "the system does not let privileges be given up")
        else:
            most = resource.getrlimit(LIMITS[name])[1]
            limit = int(value) if most == resource.RLIM_INFINITY else min(int(value), most)
            resource.setrlimit(LIMITS[name], (limit, limit))


def leave_network() -> None:
    """Move to a network that leads nowhere; sockets in the file system stay. Needs root, or user namespaces."""
    if unshare(CLONE_NEWNET):
        return
    user, group = os.geteuid(), os.getegid()
    if not unshare(CLONE_NEWUSER | CLONE_NEWNET):
        raise OSError(0, "the system does not let the network be left")
    say("/proc/self/setgroups", "deny")
    say("/proc/self/uid_map", f"{user} {user} 1")
    say("/proc/self/gid_map", f"{group} {group} 1")


def say(file: str, words: str) -> None:
    """Write into one of the system's files, without pathlib, which takes as long to load as all the rest."""
    with open(file, "w") as opened:
        opened.write(words)


def unshare(flags: int) -> bool:
    """Ask Linux for namespaces of this process's own; False where it refuses, or there is no such call."""
    try:
        return int(ctypes.CDLL(None, use_errno=True).unshare(flags)) == 0
    except (AttributeError, OSError):
        return False


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
    with contextlib.suppress(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
        while True:
            for pid in own_children():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            os.waitpid(-1, 0)


def own_children() -> list[int]:
    """The processes whose parent is this one; none where there is no /proc."""
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():  # noqa: PTH208, PTH112 - without pathlib
        with contextlib.suppress(OSError, ValueError), open(f"/proc/{int(name)}/stat", "rb") as stat:
            # After the name, which is in parentheses and may hold anything: state, parent, …
            if int(stat.read().rpartition(b")")[2].split()[1]) == os.getpid():
                found.append(int(name))
    return found


def send(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    border = sys.argv.index("--")
    sys.exit(main(int(sys.argv[1]), sys.argv[2:border], sys.argv[border + 1 :]))
