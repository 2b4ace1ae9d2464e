"""list_backups: every backup of an environment, newest first."""

from typing import Any

from django.core.management.base import CommandParser

from backups.lookup import backup_json, backup_line, backups_of
from environments.lookup import find_environment
from environments.management.base import PortalCommand


class Command(PortalCommand):
    help = "Lists the backups of an environment, newest first."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("environment", metavar="ENV", help="app/environment")

    def answer(self, **options: Any) -> None:
        backups = backups_of(find_environment(options["environment"]))
        self.say([backup_json(backup) for backup in backups], *map(backup_line, backups))
