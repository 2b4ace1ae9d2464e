"""Apps that are stopped, started and asked by an operator's own commands: systemd, Docker, Kubernetes, anything."""

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from ..choices import State
from ..errors import RuntimeRefused
from ..programs import Program, ProgramFailed
from .patience import at_most

LIMIT_SECONDS = 60
# Nobody beats while the app is asked: well below a lease.
STATUS_LIMIT_SECONDS = 20
FILES = "{files}"
# What a status command answers with (specification §10); 3 is what systemd says of an inactive unit.
RUNS, STOPPED = 0, (1, 3)


class CommandRuntime:
    """`commands` by name: status, stop, start, deploy, undeploy, services, files; each one line, split by shlex, no
    shell.

    `facts` are handed to the commands as environment variables (PORTAL_APP, PORTAL_ENVIRONMENT, …).
    """

    def __init__(self, commands: Mapping[str, str], facts: Mapping[str, str]) -> None:
        self.commands, self.facts = commands, facts

    def status(self) -> State:
        """What the status command's exit code says; Unknown without one, or when it cannot tell in time."""
        with suppress(RuntimeRefused):
            code = self._code("status", ())
            if code == RUNS:
                return State.RUNNING
            if code in STOPPED:
                return State.STOPPED
        return State.UNKNOWN

    def stop(self, beat: Callable[[], None]) -> None:
        """Run the stop command. Raises: RuntimeRefused"""
        self._run("stop", beat)

    def start(self, beat: Callable[[], None]) -> None:
        """Run the start command; what it leaves running is the app, and lives on. Raises: RuntimeRefused"""
        self._run("start", beat)

    def deploy(self, arguments: Sequence[str], beat: Callable[[], None]) -> bool:
        """Run the deploy command with the package's versions and file behind it. False: there is none.

        Raises:
            RuntimeRefused
        """
        return self._run_if_given("deploy", beat, arguments)

    def undeploy(self, beat: Callable[[], None]) -> bool:
        """Take the deployed package away. False: there is no command. Raises: RuntimeRefused"""
        return self._run_if_given("undeploy", beat)

    def unpublish_services(self, beat: Callable[[], None]) -> bool:
        """Take the published app services away. False: there is no command. Raises: RuntimeRefused"""
        return self._run_if_given("services", beat, ("unpublish",))

    def publish_services(self, beat: Callable[[], None]) -> bool:
        """Publish the app services again. False: there is no command. Raises: RuntimeRefused"""
        return self._run_if_given("services", beat, ("publish",))

    def use_files(self, address: str, beat: Callable[[], None]) -> bool:
        """Let the app find its uploaded files at another address from its next start on. False: there is no command.

        The address stands where the command says `{files}`, else behind it. Raises: RuntimeRefused
        """
        line = self.commands.get("files", "")
        return self._run_if_given("files", beat, () if FILES in line else (address,), address)

    def _run_if_given(
        self, name: str, beat: Callable[[], None], arguments: Sequence[str] = (), files: str = ""
    ) -> bool:
        if not self.commands.get(name):
            return False
        self._run(name, beat, arguments, files)
        return True

    def _run(self, name: str, beat: Callable[[], None], arguments: Sequence[str] = (), files: str = "") -> None:
        if code := self._code(name, arguments, beat, files):
            raise RuntimeRefused(f"The {name} command ended with exit code {code}.{self._said()}")

    def _code(
        self, name: str, arguments: Sequence[str], beat: Callable[[], None] = lambda: None, files: str = ""
    ) -> int:
        """The exit code of a command. Raises: RuntimeRefused: there is none, it cannot be run, or its time is over."""
        line = self.commands.get(name)
        if not line:
            raise RuntimeRefused(f"This environment has no {name} command. Register it with --{name}-command.")
        seconds = at_most(min(LIMIT_SECONDS, STATUS_LIMIT_SECONDS)) if name == "status" else LIMIT_SECONDS
        deadline = time.monotonic() + seconds
        self.words = ""
        try:
            words = [word.replace(FILES, files) if files else word for word in shlex.split(line)]
            with Program([*words, *arguments], environ=self.facts, lets_live=name == "start") as program:
                for _ in program.stream():
                    beat()
                    if time.monotonic() > deadline:
                        raise RuntimeRefused(f"The {name} command did not end within {seconds} seconds.")
                self.words = program.last_words
                return program.exit_code
        except (OSError, ValueError, ProgramFailed) as error:
            raise RuntimeRefused(f"The {name} command cannot be run ({error}).") from None

    def _said(self) -> str:
        last = self.words.strip().splitlines()[-1:]
        return f" It said: {last[0][:300]}" if last else ""
