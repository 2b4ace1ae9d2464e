"""A clerk: calls a portal's commands as an operator would, each in a process of its own. Run as a program.

    python -m tests.faults.clerk FOLDER

A line of its input is a JSON list: a number, by how many seconds the clock is wrong, and the command's words. What it
says lies in `FOLDER/number.out` and `.err`; its exit code, last, in `.code`. Forked: starting Python each time would
take longer than the commands.
"""

import json
import os
import signal
import sys
from pathlib import Path

import django

django.setup()

from django.core import checks  # noqa: E402 - Django comes first
from django.core.management import execute_from_command_line  # noqa: E402

from backups.storage import vault_s3  # noqa: E402, F401 - what commands import is there before the first one
from tests.turned_clock import turn  # noqa: E402


def call(folder: Path, number: int, turned: float, words: list[str]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for descriptor, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(folder / f"{number}.{name}", os.O_WRONLY | os.O_CREAT), descriptor)
    if turned:
        turn(turned)
    code: object = 1
    try:
        execute_from_command_line(["manage.py", *words])
        code = 0
    except SystemExit as ended:
        code = ended.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        (folder / f"{number}.new").write_text(str(code))
        (folder / f"{number}.new").rename(folder / f"{number}.code")


def main(folder: Path) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody has to collect those that have ended
    checks.run_checks()
    for line in sys.stdin:
        number, turned, words = json.loads(line)
        if os.fork() == 0:
            try:
                call(folder, number, turned, words)
            finally:
                os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
