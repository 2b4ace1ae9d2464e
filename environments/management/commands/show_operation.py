"""show_operation: where an operation stands."""

from typing import Any

from django.core.management.base import CommandParser

from environments.lookup import find_operation, operation_json
from environments.management.base import PortalCommand, progress_line


class Command(PortalCommand):
    help = "Shows where an operation stands."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("operation", metavar="OPERATION", help="an operation's id, or how it begins (8 characters)")

    def answer(self, **options: Any) -> None:
        operation = find_operation(options["operation"])
        end = f": {operation.message}" if operation.message else ""
        line = f"{operation.pk} {operation.kind} of {operation.environment}: {progress_line(operation)}{end}"
        self.say(operation_json(operation), line)
