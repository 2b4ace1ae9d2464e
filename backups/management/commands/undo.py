"""undo: take back the last restore or upload."""

from typing import Any

from django.core.management.base import CommandParser

from backups.operations.undo import request_undo
from environments.actors import Actor
from environments.lookup import find_environment, operation_json
from environments.management.base import PortalCommand


class Command(PortalCommand):
    help = "Takes back the last restore or upload of an environment; the app is stopped for it and started again."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("environment", metavar="ENV", help="app/environment")
        self.add_wait(parser)

    def answer(self, **options: Any) -> None:
        operation = request_undo(
            find_environment(options["environment"]),
            by=Actor.command_line(),
            confirm=options["environment"],
            is_said_stopped=True,
            is_rung=not options["here"],
        )
        operation = self.see_through(operation, **options)
        self.say(operation_json(operation), operation.message or f"{operation.pk} {operation.status}")
