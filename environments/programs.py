"""Runs a program guarded, as a stream, and says why it failed."""

import contextlib
import fcntl
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

from .addresses import DatabaseAddress
from .errors import Failed
from .guard import LETS_LIVE

GUARD = Path(__file__).with_name("guard.py")
# What the guard needs to end its program, and a little more.
PATIENCE_SECONDS = 8
IDLE_SECONDS = 0.5
MIB = 1024 * 1024
KEPT_WORDS = 64 * 1024
LAST_WORDS = 4 * 1024
HIDDEN = "•••"
PASS_PREFIX = "portal-pass-"  # noqa: S105 - a file's name


class ProgramFailed(Exception):
    """A program ended otherwise than with exit code 0; its last words are fit to be shown and stored."""

    def __init__(self, program: str, exit_code: int, last_words: str) -> None:
        self.program, self.exit_code, self.last_words = program, exit_code, last_words
        super().__init__(f"{program} ended with exit code {exit_code}: {last_words or 'it said nothing'}")


class Program:
    """One program under the guard, from an argument list. Leaving the context ends it, and all that it started.

    environ: the program's whole environment; only PATH is added where it is missing.
    label: the attempt's, for whoever looks at the process.
    secrets: what must not appear in its last words.
    stdin: nothing, an open file, or chunks of bytes that are handed over as fast as the program takes them.
    lets_live: what it leaves behind when it ends well lives on, and its output is thrown away: it starts something.
    confined: what it gives up before it begins, as the guard's options.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        environ: Mapping[str, str],
        label: str = "",
        secrets: Sequence[str] = (),
        stdin: int | IO[bytes] | Iterable[bytes] = subprocess.DEVNULL,
        chunk: int = MIB,
        lets_live: bool = False,
        confined: Sequence[str] = (),
    ) -> None:
        self.arguments, self.secrets, self.chunk = list(arguments), tuple(secrets), chunk
        self.lets_live = lets_live
        self.environ = {"PATH": os.environ.get("PATH", os.defpath)} | dict(environ)
        if label:
            self.environ["PORTAL_OPERATION"] = label
        self.name = Path(self.arguments[0]).name
        self.child = ""
        self._stdin, self._confined = stdin, tuple(confined)
        self._feed: Iterator[bytes] | None = None
        self._unfed = memoryview(b"")
        self._words = b""
        self._ended_at = 0.0

    def __enter__(self) -> Self:
        is_file = isinstance(self._stdin, int) or hasattr(self._stdin, "fileno")
        options = [*self._confined, *([LETS_LIVE] if self.lets_live else [])]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD), str(os.getpid()), *options, "--", *self.arguments],
            stdin=self._stdin if is_file else subprocess.PIPE,  # type: ignore[arg-type]
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=self.environ,
            start_new_session=True,
        )
        self.child = f"{self._process.pid}|{start_ticks(self._process.pid)}"
        assert self._process.stdout and self._process.stderr
        self._open: dict[int, IO[bytes]] = {one.fileno(): one for one in (self._process.stdout, self._process.stderr)}
        _widen(self._process.stdout)
        if self._process.stdin:
            self._feed = iter(self._stdin)  # type: ignore[arg-type]
            os.set_blocking(self._process.stdin.fileno(), False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def stream(self) -> Iterator[bytes]:
        """Its output as it comes, and `b""` at least every half second while nothing comes, until it has ended."""
        assert self._process.stdout
        output = self._process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            for number in self._open:
                selector.register(number, selectors.EVENT_READ)
            if self._feed is not None and self._process.stdin:
                selector.register(self._process.stdin.fileno(), selectors.EVENT_WRITE)
            while self._open and not self._goes_on_alone():
                chunk = b""
                for key, _ in selector.select(IDLE_SECONDS):
                    if key.fd not in self._open:
                        self._hand_over(selector, key.fd)
                    elif key.fd == output:
                        chunk = self._read(selector, key.fd, self.chunk)
                    else:
                        self._words = (self._words + self._read(selector, key.fd, KEPT_WORDS))[-KEPT_WORDS:]
                yield chunk
        self._process.wait()

    def wait(self, beat: Callable[[], None]) -> None:
        """Wait for its end, beating all the while; its output is thrown away."""
        for _ in self.stream():
            beat()

    def check(self) -> None:
        """Wait for its end.

        Raises:
            ProgramFailed: its exit code is not 0.
        """
        for _ in self.stream():
            pass
        if self.exit_code:
            raise ProgramFailed(self.name, self.exit_code, self.last_words)

    @property
    def exit_code(self) -> int:
        """After its end: its exit code, or 128 + the signal that ended it."""
        code = self._process.wait()
        return code if code >= 0 else 128 - code  # the guard itself, before it could begin

    @property
    def last_words(self) -> str:
        """The end of what it wrote to stderr: without secrets, without control characters."""
        text = redact(self._words.decode(errors="backslashreplace"), self.secrets)
        shown = "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text.strip())
        return shown[-LAST_WORDS:]

    def end(self) -> None:
        """End it where it still runs: TERM to its group, KILL five seconds later. Safe to call twice."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                kill_session(self._process.pid)
                self._process.kill()
                self._process.wait()
        for one in (self._process.stdin, self._process.stdout, self._process.stderr):
            if one:
                one.close()

    def _goes_on_alone(self) -> bool:
        """Whether it has ended, and only what it left behind could still say something: that may last for ever."""
        if not self.lets_live or self._process.poll() is None:
            return False
        self._ended_at = self._ended_at or time.monotonic()
        return time.monotonic() - self._ended_at > IDLE_SECONDS

    def _read(self, selector: selectors.BaseSelector, number: int, most: int) -> bytes:
        chunk = os.read(number, most)
        if not chunk:
            selector.unregister(number)
            del self._open[number]
        return chunk

    def _hand_over(self, selector: selectors.BaseSelector, number: int) -> None:
        """Give the program more of its input; close it at the end, or when the program wants no more."""
        assert self._feed is not None and self._process.stdin
        try:
            if not self._unfed:
                self._unfed = memoryview(next(self._feed))
            self._unfed = self._unfed[os.write(number, self._unfed) :]
        except (StopIteration, BrokenPipeError):
            selector.unregister(number)
            self._process.stdin.close()
            self._feed = None
        except BlockingIOError:
            pass


@contextlib.contextmanager
def pass_file(address: DatabaseAddress) -> Iterator[Path]:
    """The path of a pass file for libpq (PGPASSFILE) that only this user can read; gone when the context is left.

    Raises:
        Failed: the password cannot be written in such a file.
    """
    if "\n" in address.password or "\r" in address.password:
        raise Failed(
            "The database's password holds a line break; PostgreSQL's programs cannot be given such a password."
        )
    # libpq looks the default socket folder up as localhost.
    hosts = (address.host, "localhost") if address.is_socket else (address.host,)
    lines = [(host, str(address.port), address.name, address.user, address.password) for host in hosts]
    number, path = tempfile.mkstemp(prefix=f"{PASS_PREFIX}{os.getpid()}-{start_ticks(os.getpid())}-")
    try:
        with open(number, "w", encoding="utf-8") as file:
            file.writelines(":".join(_escaped(part) for part in line) + "\n" for line in lines)
        yield Path(path)
    finally:
        Path(path).unlink(missing_ok=True)


def sweep_pass_files() -> None:
    """Remove pass files whose process was killed before it could."""
    for path in Path(tempfile.gettempdir()).glob(f"{PASS_PREFIX}*"):
        pid, ticks, *_ = [*path.name.removeprefix(PASS_PREFIX).split("-"), ""]
        if pid.isdigit() and start_ticks(int(pid)) != ticks:
            with contextlib.suppress(OSError):
                path.unlink()


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text without these secrets, also as they stand in addresses."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, HIDDEN).replace(quote(secret, safe=""), HIDDEN)
    return text


def end_child(child: str) -> None:
    """End a guarded program whose worker is gone (`Program.child`), if it still is that program."""
    pid, _, ticks = child.partition("|")
    if not (pid.isdigit() and ticks):
        return
    guard = int(pid)
    deadline = time.monotonic() + PATIENCE_SECONDS
    if start_ticks(guard) == ticks:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(guard, signal.SIGTERM)
    while start_ticks(guard) == ticks and time.monotonic() < deadline:
        time.sleep(0.05)
    if start_ticks(guard) in (ticks, ""):
        kill_session(guard)


def kill_session(leader: int) -> None:
    """Kill whatever still runs in a session, until nothing does. While anything does, its number is not given away."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (left := _members(leader)) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _members(session: int) -> list[int]:
    everybody = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    return [pid for pid in everybody if (fields := _stat(pid)) and fields[3] == str(session) and fields[0] not in "ZX"]


def worked_ticks(child: str) -> int:
    """The processor time that a guarded program's family has taken; it stands still when nothing moves any more."""
    guard = child.partition("|")[0]
    family = [_stat(pid) for pid in _members(int(guard)) if pid != int(guard)] if guard else []
    return sum(int(fields[11]) + int(fields[12]) for fields in family if fields)


def start_ticks(pid: int) -> str:
    """When a process began, in the kernel's ticks: with its number, its identity. Empty when it has ended."""
    fields = _stat(pid)
    return fields[19] if fields and fields[0] != "Z" else ""


def _stat(pid: int) -> list[str]:
    """What /proc says behind the name: state, parent, group, session, …"""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _escaped(part: str) -> str:
    return part.replace("\\", "\\\\").replace(":", "\\:")


def _widen(pipe: IO[bytes]) -> None:
    """Let more fit into the pipe, so that a fast program and its reader take turns less often."""
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, MIB)
