"""delete_backup: let go of a backup before it expires."""

from typing import Any

from django.core.management.base import CommandParser

from backups.lookup import find_backup
from backups.operations.delete import request_delete
from environments.actors import Actor
from environments.lookup import operation_json
from environments.management.base import PortalCommand


class Command(PortalCommand):
    help = "Deletes a backup. The newest undamaged one of an environment is never deleted."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("backup", metavar="BACKUP", help="a backup's id, or app/environment/latest")
        parser.add_argument("--confirm", required=True, metavar="ENV", help="its environment, typed once more")

    def answer(self, **options: Any) -> None:
        backup = find_backup(options["backup"])
        operation = request_delete(backup, by=Actor.command_line(), confirm=options["confirm"], is_rung=False)
        # Done here: exit code 0 means that it is gone, workers or no workers.
        operation = self.see_through(operation, here=True)
        self.say(operation_json(operation), operation.message)
