"""One pg_restore after another into a database beside the live one."""

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from environments.addresses import DatabaseAddress
from environments.programs import Program, ProgramFailed, pass_file

from .explaining_loads import MOST_ENTRIES, explain_load, explain_losses
from .place import connect
from .sandbox import confined
from .tools import Tools

JOBS = 2
# Whoever loads is the owner; who else was, and who may do what, is put back by itself or not at all.
PLAIN = ("--no-owner", "--no-privileges", "--no-security-labels", "--no-tablespaces", "--no-subscriptions")
STRICT = ("--exit-on-error", f"--jobs={JOBS}", "--no-publications", *PLAIN)
GRANTING = re.compile(rb"^(?:GRANT|REVOKE|ALTER DEFAULT PRIVILEGES) .*?;$", re.MULTILINE | re.DOTALL)
ENCODING = re.compile(rb"^SET client_encoding = '\w+';$", re.MULTILINE)
Hold = Callable[[str], None]
Beat = Callable[[], None]


@dataclass(frozen=True)
class Loading:
    """A dump on its way into the database that `login` leads to; logged in as that role, never as another one."""

    login: DatabaseAddress
    dump: Path
    tools: Tools
    label: str
    hold: Hold
    beat: Beat
    is_untrusted: bool = False

    def bring(self, entries: Sequence[str]) -> None:
        """Load these entries of the dump's list, all of them. Raises: LoadFailed, by the first error."""
        try:
            self._load(STRICT, entries)
        except ProgramFailed as failure:
            raise explain_load(failure, self.login) from None

    def bring_what_can_be(self, entries: Sequence[str]) -> list[str]:
        """Load those of the entries that the role may make; what failed, in sentences.

        Raises:
            LoadFailed: it ended before it had tried them all.
        """
        try:
            if entries:
                self._load(PLAIN, entries)
        except ProgramFailed as failure:
            return explain_losses(failure, self.login)
        return []

    def grant(self, entries: Sequence[str]) -> list[str]:
        """Put grants and default grants back, each by itself: a role that is gone must not lose the rest.

        Returns what failed, in sentences. Raises: LoadFailed, psycopg.OperationalError
        """
        text = self._written(entries) if entries else b""
        failed = []
        if statements := GRANTING.findall(text):
            with connect(self.login, label=self.label) as connection:
                for statement in [*ENCODING.findall(text), *statements]:
                    self.beat()
                    if why := _try(connection, statement):
                        failed.append(f"Not put back: {statement[:-1].decode(errors='replace')} ({why}).")
        more = len(failed) - MOST_ENTRIES
        return failed[:MOST_ENTRIES] + ([f"And {more} more of the kind."] if more > 0 else [])

    def _load(self, arguments: Sequence[str], entries: Sequence[str]) -> None:
        with pass_file(self.login) as passwords:
            to_server = [*arguments, f"--dbname={self.login.to_url()}"]
            gives_up = confined(self.login) if self.is_untrusted else ()
            with self._restore(to_server, entries, gives_up, PGPASSFILE=str(passwords)) as program:
                program.wait(self.beat)
                program.check()

    def _written(self, entries: Sequence[str]) -> bytes:
        """The entries as SQL."""
        with self._restore(["--no-owner", "--file=-"], entries, confined()) as program:
            text = b"".join(program.stream())
            try:
                program.check()
            except ProgramFailed as failure:
                raise explain_load(failure, self.login) from None
            return text

    @contextmanager
    def _restore(
        self, arguments: Sequence[str], entries: Sequence[str], gives_up: Sequence[str], **environ: str
    ) -> Iterator[Program]:
        """A pg_restore of these entries that runs."""
        with tempfile.NamedTemporaryFile("w", errors="surrogateescape") as listed:
            listed.write("\n".join(entries) + "\n")
            listed.flush()
            with Program(
                [self.tools.path("pg_restore"), *arguments, f"--use-list={listed.name}", str(self.dump)],
                environ={"PGAPPNAME": self.label, "LC_ALL": "C.UTF-8", **environ},
                label=self.label,
                secrets=[self.login.password],
                confined=gives_up,
            ) as program:
                self.hold(program.child)
                yield program


def _try(connection: psycopg.Connection[tuple[object, ...]], statement: bytes) -> str:
    """Run a statement; why it failed. Raises: psycopg.OperationalError, when nothing more can be asked."""
    try:
        connection.execute(statement)
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        return str(error).strip().splitlines()[0].rstrip(".")
    return ""
