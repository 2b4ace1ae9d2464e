"""A scheduler as a process of its own: calls `nightly_backups` for each moment as soon as its gate is there.

    python -m tests.faults.scheduler FOLDER MOMENT …

It says `ready` before it waits for a gate, which is an empty file named by the moment's number.
"""

import sys
import time
from pathlib import Path

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - Django comes first


def main(folder: str, *moments: str) -> None:
    for number, moment in enumerate(moments):
        print("ready", flush=True)
        while not (Path(folder) / str(number)).exists():
            time.sleep(0.001)
        call_command("nightly_backups", "--now", moment)


if __name__ == "__main__":
    main(*sys.argv[1:])
