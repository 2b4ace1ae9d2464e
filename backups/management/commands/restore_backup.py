"""restore_backup: put a backup back, and see it through if wished."""

from typing import Any

from django.core.management.base import CommandParser

from backups.choices import Contents
from backups.lookup import find_backup
from backups.operations.restore import request_restore
from environments.actors import Actor
from environments.lookup import find_environment, operation_json
from environments.management.base import PortalCommand


class Command(PortalCommand):
    help = "Restores a backup into an environment of the same app: all of it, or nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("backup", metavar="BACKUP", help="a backup's id, or app/environment/latest")
        parser.add_argument("--to", required=True, metavar="ENV", help="the environment to restore into")
        parser.add_argument("--only", choices=["database", "files"], help="restore only this part")
        parser.add_argument("--stop-app", action="store_true", help="the app may be stopped, and is started again")
        parser.add_argument("--app-is-stopped", action="store_true", help="say so where the portal cannot tell")
        parser.add_argument("--accept-version", action="store_true", help="the backup's version is another one")
        self.add_wait(parser)

    def answer(self, **options: Any) -> None:
        operation = request_restore(
            find_backup(options["backup"]),
            into=find_environment(options["to"]),
            by=Actor.command_line(),
            confirm=options["to"],
            contents=Contents(options["only"] or Contents.FULL),
            may_stop_app=options["stop_app"],
            is_said_stopped=options["app_is_stopped"],
            accepts_version=options["accept_version"],
            is_rung=not options["here"],
        )
        operation = self.see_through(operation, **options)
        self.say(operation_json(operation), operation.message or f"{operation.pk} {operation.status}")
