"""stop_app: stop an environment's app, and see that it is stopped."""

from typing import Any

from django.core.management.base import CommandParser

from environments.actors import Actor
from environments.lookup import find_environment, operation_json
from environments.management.base import PortalCommand
from environments.operations.stop import request_stop


class Command(PortalCommand):
    help = "Stops the app of an environment."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("environment", metavar="ENV", help="app/environment")

    def answer(self, **options: Any) -> None:
        environment = find_environment(options["environment"])
        operation = request_stop(environment, by=Actor.command_line(), is_rung=False)
        operation = self.see_through(operation, here=True)
        self.say(operation_json(operation), operation.message)
