"""What all commands share: lines or JSON, one sentence for what is refused, waiting for the end of an operation."""

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from ..choices import Status
from ..errors import Failed, Refused
from ..lifecycle.run import run_here
from ..lifecycle.signs import worker_health
from ..models import Operation

LOOK_EVERY_SECONDS = 0.5
PATIENT_FOR_SECONDS = 10
SETTINGS = "portal-settings"
"""The tag of checks of what an installation may have set wrong."""


class PortalCommand(BaseCommand):
    """A command of the portal. Write `answer`, not `handle`; let Refused and Failed fly.

    Exit codes: 0 done; 1 refused or failed, with one sentence on stderr; 2 wrong usage, by argparse alone.
    """

    # What only the code can have wrong is looked at by `manage.py check`: it would load every page for every command.
    requires_system_checks: list[str] | tuple[str, ...] = (SETTINGS,)
    is_json = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Every command has `--json`. Call this from a command that has arguments of its own."""
        parser.add_argument("--json", action="store_true", help="print JSON instead of lines")

    def add_wait(self, parser: CommandParser) -> None:
        """`--wait` or `--here`, for commands that ask for an operation."""
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--wait", action="store_true", help="show progress; return when the operation has ended")
        how.add_argument("--here", action="store_true", help="do the work in this process, without the queue")

    def handle(self, *_: Any, **options: Any) -> None:
        self.is_json = options["json"]
        try:
            self.answer(**options)
        except (Refused, Failed) as error:
            self._end(str(error), error, **options)
        except DatabaseError as error:
            first = str(error).strip().split("\n")[0]
            self._end(f"The portal's database does not answer as it should: {first}", error, **options)

    def answer(self, **options: Any) -> None:
        """What the command does. Raises Refused or Failed."""
        raise NotImplementedError

    def say(self, found: dict[str, Any] | list[dict[str, Any]], *lines: str) -> None:
        """Print the result: `found` with --json (one object, or one array), else the lines."""
        if self.is_json:
            self.stdout.write(json.dumps(found, indent=2, ensure_ascii=False))
        else:
            for line in lines:
                self.stdout.write(line)

    def see_through(self, operation: Operation, *, wait: bool = False, here: bool = False, **_: Any) -> Operation:
        """Do the work here, or wait for its end, or neither, as the options say; returns the fresh row.

        Call it outside any transaction, with the command's own options: `self.see_through(operation, **options)`.
        What is done here was submitted with `is_rung=False`.

        Raises:
            Failed: with the operation's closing sentence.
        """
        if here:
            operation = run_here(operation)
        elif wait:
            operation = self._wait(operation)
        else:
            operation.refresh_from_db()
        if operation.status == Status.FAILED:
            raise Failed(operation.message)
        return operation

    def _wait(self, operation: Operation) -> Operation:
        shown, is_told, began = "", False, time.monotonic()
        try:
            while True:
                operation.refresh_from_db()
                if operation.is_ended:
                    return operation
                line = progress_line(operation)
                if line != shown:
                    self.stderr.write(line, self.style.NOTICE)
                    shown = line
                elif not is_told and time.monotonic() - began > PATIENT_FOR_SECONDS:
                    is_told = True
                    self._tell_why(operation)
                time.sleep(LOOK_EVERY_SECONDS)
        except KeyboardInterrupt:
            raise Failed(f"Waiting has ended; operation {operation.pk} goes on.") from None

    def _tell_why(self, operation: Operation) -> None:
        """Nobody waits blindly for workers that are not there."""
        if operation.status == Status.QUEUED:
            for problem in worker_health().problems:
                self.stderr.write(f"{problem} It stays Queued until then; Ctrl-C ends the waiting, not the work.")

    def _end(self, sentence: str, error: Exception, **options: Any) -> None:
        """One sentence and exit code 1; whoever calls the command from Python gets a CommandError."""
        if options.get("traceback"):
            raise error
        if self._called_from_command_line:  # type: ignore[attr-defined]
            self.stderr.write(sentence)
            raise SystemExit(1)
        raise CommandError(sentence, returncode=1) from error


def progress_line(operation: Operation) -> str:
    """Where an operation stands, on one line: `Running, step 2 of 4: Saving the database, 42 %`."""
    steps = f", step {operation.step} of {operation.steps}" if operation.step and operation.steps else ""
    phase = f": {operation.phase}" if operation.phase else ""
    percent = f", {operation.percent} %" if operation.percent is not None else ""
    return f"{operation.status}{steps}{phase}{percent}"
