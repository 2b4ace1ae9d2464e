"""show_backup: everything that is known of one backup."""

from typing import Any

from django.core.management.base import CommandParser

from backups.lookup import backup_json, find_backup
from environments.management.base import PortalCommand


class Command(PortalCommand):
    help = "Shows one backup with all its details."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("backup", metavar="BACKUP", help="a backup's id, or app/environment/latest")

    def answer(self, **options: Any) -> None:
        shown = backup_json(find_backup(options["backup"]))
        self.say(shown, *(f"{name}: {'–' if value is None else value}" for name, value in shown.items()))
