"""start_app: let an environment's app run, and see that it does."""

from typing import Any

from django.core.management.base import CommandParser

from environments.actors import Actor
from environments.lookup import find_environment, operation_json
from environments.management.base import PortalCommand
from environments.operations.start import request_start


class Command(PortalCommand):
    help = "Starts the app of an environment."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("environment", metavar="ENV", help="app/environment")

    def answer(self, **options: Any) -> None:
        environment = find_environment(options["environment"])
        operation = request_start(environment, by=Actor.command_line(), is_rung=False)
        operation = self.see_through(operation, here=True)
        self.say(operation_json(operation), operation.message)
