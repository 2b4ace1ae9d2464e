"""Apps that are stopped, started and asked by an operator's own commands: systemd, Docker, Kubernetes, anything."""

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from ..choices import State
from ..errors import RuntimeRefused
from ..programs import Program, ProgramFailed

LIMIT_SECONDS = 60
# What a status command answers with (specification §10); 3 is what systemd says of an inactive unit.
RUNS, STOPPED = 0, (1, 3)


class CommandRuntime:
    """`commands` by name: status, stop, start, deploy, undeploy, services; each one line, split by shlex, no shell.

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
        """Run the start command. Raises: RuntimeRefused"""
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

    def _run_if_given(self, name: str, beat: Callable[[], None], arguments: Sequence[str] = ()) -> bool:
        if not self.commands.get(name):
            return False
        self._run(name, beat, arguments)
        return True

    def _run(self, name: str, beat: Callable[[], None], arguments: Sequence[str] = ()) -> None:
        if code := self._code(name, arguments, beat):
            raise RuntimeRefused(f"The {name} command ended with exit code {code}.{self._said()}")

    def _code(self, name: str, arguments: Sequence[str], beat: Callable[[], None] = lambda: None) -> int:
        """The exit code of a command. Raises: RuntimeRefused: there is none, it cannot be run, or its time is over."""
        line = self.commands.get(name)
        if not line:
            raise RuntimeRefused(f"This environment has no {name} command. Register it with --{name}-command.")
        deadline = time.monotonic() + LIMIT_SECONDS
        self.words = ""
        try:
            with Program([*shlex.split(line), *arguments], environ=self.facts) as program:
                for _ in program.stream():
                    beat()
                    if time.monotonic() > deadline:
                        raise RuntimeRefused(f"The {name} command did not end within {LIMIT_SECONDS} seconds.")
                self.words = program.last_words
                return program.exit_code
        except (OSError, ValueError, ProgramFailed) as error:
            raise RuntimeRefused(f"The {name} command cannot be run ({error}).") from None

    def _said(self) -> str:
        last = self.words.strip().splitlines()[-1:]
        return f" It said: {last[0][:300]}" if last else ""
