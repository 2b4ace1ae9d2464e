"""An app that notes at each start what it finds: the word in its database and the word in its files."""

import os
import shlex
from pathlib import Path

from environments.addresses import DatabaseAddress
from environments.models import Environment
from portal.demo.postgres import server_programs
from tests.apps import App

START = """#!/bin/sh
rows=$({psql} -XAt -c 'SELECT word FROM mark' {url}) || exit 1
echo "$rows $(cat {files}/mark.txt)" >> {seen}
touch {flag}
"""


class WatchedApp(App):
    """Runs while its file is there; its start command is a script that looks first."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.seen, self.script = folder / "seen", folder / "start"
        self.seen.touch()

    def watch(self, environment: Environment) -> None:
        """Let it look into this environment from now on."""
        address: DatabaseAddress = environment.database_address
        words = {
            "psql": str(server_programs() / "psql"),
            "url": address.to_url(),
            "files": environment.files_directory,
            "seen": str(self.seen),
            "flag": str(self.flag),
        }
        self.script.write_text(START.format(**{name: shlex.quote(word) for name, word in words.items()}))
        self.script.chmod(0o700)
        environment.commands = {**self.commands, "start": str(self.script)}
        environment.save()

    @property
    def mixtures(self) -> list[str]:
        """What it saw at a start that never belonged together."""
        return [line for line in self.seen.read_text().splitlines() if len(set(line.split())) != 1]


def programs_of(label: str) -> list[int]:
    """The running programs that were started for an attempt."""
    word = f"PORTAL_OPERATION={label}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if word in entry.read_bytes().split(b"\0") and int(entry.parent.name) != os.getpid():
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found
