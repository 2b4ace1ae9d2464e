"""verify_backup: read everything a backup holds against what was saved."""

from typing import Any

from django.core.management.base import CommandParser

from backups.lookup import backup_json, find_backup
from backups.operations.verify import request_verify
from environments.actors import Actor
from environments.management.base import PortalCommand


class Command(PortalCommand):
    help = "Reads every stored byte of a backup against its SHA-256, and the dump to its end."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("backup", metavar="BACKUP", help="a backup's id, or app/environment/latest")

    def answer(self, **options: Any) -> None:
        backup = find_backup(options["backup"])
        operation = request_verify(backup, by=Actor.command_line(), is_rung=False)
        # Done here: exit code 0 means that it is good, workers or no workers.
        operation = self.see_through(operation, here=True)
        backup.refresh_from_db()
        self.say(backup_json(backup), f"{backup.pk} {backup.condition}: {operation.message}")
