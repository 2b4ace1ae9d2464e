"""register_environment: tell the portal where an app runs, or what has changed there."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.urls import reverse

from environments.actors import Actor
from environments.errors import RegistrationRefused
from environments.management.base import PortalCommand
from environments.operations.check import COMMANDS
from environments.operations.invite import LIVES, Invited
from environments.operations.register import Registered, Wishes, register

FROM_STDIN = "-"
SWITCH = {"on": True, "off": False}


class Command(PortalCommand):
    help = "Creates an app and its environment, or changes what is said. What does not fit changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("environment", metavar="ENV", help="app/environment")
        parser.add_argument(
            "--database", metavar="URL", help="postgresql://user:password@host:5432/name, or - for stdin"
        )
        parser.add_argument(
            "--files", metavar="PLACE", help="of uploaded files: an absolute path, or s3://KEY:SECRET@bucket/prefix"
        )
        parser.add_argument("--admin-database", metavar="URL", help="the maintenance role's address; empty: none")
        parser.add_argument("--template-database", metavar="NAME", help="what restored databases are made from")
        parser.add_argument("--production", action="store_const", const=True, help="it is a production environment")
        parser.add_argument("--region", metavar="SLUG", help="default: europe")
        parser.add_argument("--cloud-version", metavar="V", help="default: v4")
        parser.add_argument("--nightly", choices=list(SWITCH), help="default: on")
        parser.add_argument("--model-version", metavar="V", help="of the deployed package")
        parser.add_argument("--modeler-version", metavar="V", help="of the tool that made the package")
        for name in COMMANDS:
            parser.add_argument(f"--{name}-command", metavar="C", help=f"how the app is asked to {name}; empty: none")
        parser.add_argument("--service", action="append", default=[], metavar="NAME=VERSION", help="may be repeated")
        parser.add_argument("--contact", metavar="EMAIL", help="makes the technical contact; prints an invitation link")

    def answer(self, **options: Any) -> None:
        registered = register(options["environment"], _wishes(options), by=Actor.command_line())
        self.say(_shown(registered), *_lines(registered))


def _wishes(options: dict[str, Any]) -> Wishes:
    commands = {name: options[f"{name}_command"] for name in COMMANDS}
    return Wishes(
        database=_from_stdin() if options["database"] == FROM_STDIN else options["database"],
        files=options["files"],
        admin_database=options["admin_database"],
        template_database=options["template_database"],
        is_production=options["production"],
        region=options["region"],
        cloud_version=options["cloud_version"],
        is_nightly_on=SWITCH.get(options["nightly"]),
        model_version=options["model_version"],
        modeler_version=options["modeler_version"],
        commands={name: line for name, line in commands.items() if line is not None},
        services=[_service(one) for one in options["service"]],
        contact=options["contact"],
    )


def _from_stdin() -> str:
    """So that a password stands neither in the list of processes nor in the shell's history."""
    line = sys.stdin.readline().strip()
    if not line:
        raise RegistrationRefused("There was no database address on stdin. Nothing was changed.")
    return line


def _service(text: str) -> tuple[str, str]:
    name, _, version = text.rpartition("=")
    if not (name and version):
        raise RegistrationRefused(f"The service {text!r} is not written NAME=VERSION. Nothing was changed.")
    return name, version


def _link(invited: Invited | None) -> str | None:
    if not (invited and invited.token):
        return None
    return f"{settings.BASE_URL}{reverse('environments:invitation', args=[invited.token])}"


def _lines(registered: Registered) -> list[str]:
    invited = registered.invited
    done = "registered" if registered.is_new else "is up to date"
    lines = [f"{registered.environment} {done}. {' '.join(registered.remarks)}".rstrip()]
    if invited and invited.token:
        lines.append(f"Invitation for {invited.user.email}, for {LIVES.days} days: {_link(invited)}")
    elif invited:
        lines.append(f"{invited.user.get_username()} has an account, and is technical contact.")
    return lines


def _shown(registered: Registered) -> dict[str, Any]:
    environment, invited = registered.environment, registered.invited
    package = environment.package
    return {
        "environment": str(environment),
        "id": str(environment.pk),
        "is_new": registered.is_new,
        "database": environment.database,
        "files": environment.files_directory,
        "production": environment.is_production,
        "region": environment.region.slug,
        "cloud_version": environment.cloud_version,
        "nightly": environment.is_nightly_on,
        "model_version": package.model_version if package else None,
        "modeler_version": (package.modeler_version or None) if package else None,
        "state": environment.state,
        "remarks": registered.remarks,
        "contact": invited.user.email if invited else None,
        "invitation": _link(invited),
    }
