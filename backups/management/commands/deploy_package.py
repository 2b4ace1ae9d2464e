"""deploy_package: make a package the one that an environment runs, and register it first where it is new."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import CommandParser

from backups.errors import PackageRefused
from backups.lookup import find_package
from backups.operations.deploy import request_deploy
from backups.operations.package import register_package
from environments.actors import Actor
from environments.lookup import find_environment, operation_json
from environments.management.base import PortalCommand
from environments.models import Environment, Package


class Command(PortalCommand):
    help = "Deploys a package of the app into a stopped environment."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("environment", metavar="ENV", help="app/environment")
        parser.add_argument(
            "package",
            metavar="VERSION",
            help="the package's model version; a new one needs --file or --modeler-version",
        )
        parser.add_argument("--modeler-version", metavar="V", help="of the tool that made it")
        parser.add_argument("--file", metavar="F", help="the package's file, kept in the vault")
        parser.add_argument("--app-is-stopped", action="store_true", help="say so where the portal cannot tell")

    def answer(self, **options: Any) -> None:
        environment, by = find_environment(options["environment"]), Actor.command_line()
        package = _package(environment, by, options["package"], options["modeler_version"], options["file"])
        operation = request_deploy(
            environment, package, by=by, is_said_stopped=options["app_is_stopped"], is_rung=False
        )
        operation = self.see_through(operation, here=True)
        self.say(operation_json(operation), operation.message)


def _package(environment: Environment, by: Actor, model: str, modeler: str | None, path: str | None) -> Package:
    """The package of this version. Without a modeler version it is that of the only one there is.

    A new one has to be said in full, or to bring its file: a version alone may be a slip of the finger.

    Raises: PackageRefused
    """
    app = environment.app
    if modeler is None and Package.objects.filter(app=app, model_version=model.strip()).exists():
        modeler = find_package(app, model).modeler_version
    if modeler is None and path is None:
        raise PackageRefused(
            f"{app.name} has no package {model.strip()}. Nothing was registered or deployed. Check the version; to "
            "register a new one, give its file (--file) or the version of the tool that made it (--modeler-version)."
        )
    with ExitStack() as stack:
        file = stack.enter_context(_opened(path)) if path else None
        return register_package(
            app, model_version=model, modeler_version=modeler or "", file=file, filename=path or "", by=by
        )


def _opened(path: str) -> BinaryIO:
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise PackageRefused(f"The file {path} cannot be read ({error.strerror}). Nothing was registered.") from None
