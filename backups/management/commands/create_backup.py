"""create_backup: ask for a backup, and see it through if wished."""

from typing import Any

from django.core.management.base import CommandParser

from backups.lookup import backup_json, find_backup
from backups.operations.create import request_create
from environments.actors import Actor
from environments.lookup import find_environment
from environments.management.base import PortalCommand


class Command(PortalCommand):
    help = "Backs up an environment: its database and its uploaded files. The app keeps running."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("environment", metavar="ENV", help="app/environment")
        parser.add_argument("--comment", default="", metavar="T", help="what the backup is for")
        self.add_wait(parser)

    def answer(self, **options: Any) -> None:
        backup = request_create(
            find_environment(options["environment"]),
            by=Actor.command_line(),
            comment=options["comment"],
            is_rung=not options["here"],
        )
        self.see_through(backup.operation, **options)
        backup = find_backup(str(backup.pk))
        self.say(backup_json(backup), f"{backup.pk} {backup.status}")
