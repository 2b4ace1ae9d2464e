"""cancel: wish an operation to end."""

from typing import Any

from django.core.management.base import CommandParser

from environments.actors import Actor
from environments.lifecycle.cancel import cancel
from environments.lookup import find_operation, operation_json
from environments.management.base import PortalCommand


class Command(PortalCommand):
    help = "Cancels an operation: a Queued one ends at once, a Running one within seconds."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("operation", metavar="OPERATION", help="an operation's id, or how it begins (8 characters)")

    def answer(self, **options: Any) -> None:
        operation = find_operation(options["operation"])
        cancel(operation, by=Actor.command_line())
        operation.refresh_from_db()
        end = operation.message if operation.is_ended else "It ends at its next sign of life."
        self.say(operation_json(operation), f"{operation.pk} {operation.status}: {end}")
