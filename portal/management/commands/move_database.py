"""move_database: the portal's own rows from SQLite into an empty PostgreSQL database."""

import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from environments.addresses import DatabaseAddress
from environments.management.base import PortalCommand
from portal.moving import move_database

FROM_STDIN = "-"


class Command(PortalCommand):
    help = "Copies everything the portal knows into an empty PostgreSQL database, and compares it; workers are stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("address", metavar="URL", help="postgresql://user:password@host:5432/name, or - for stdin")

    def answer(self, **options: Any) -> None:
        given = options["address"]
        # From stdin a password stands neither in the list of processes nor in the shell's history.
        address = DatabaseAddress.parse(sys.stdin.readline() if given == FROM_STDIN else given)
        moved = move_database(address)
        self.say(
            asdict(moved),
            f"Moved {moved.rows:,} rows of {moved.tables} tables; every one of them was compared.",
            f"Now set DATABASE_URL to {address.to_url()} (with its password) wherever the portal runs, and start it.",
            "The old database is as it was; put it away when all is well.",
        )
