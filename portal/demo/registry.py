"""Tells the portal of the demo's places, by the same operation that a command would use, and gives them a past."""

import shlex
import sys
from collections.abc import Callable, Iterable
from urllib.parse import quote

from environments import clock
from environments.actors import Actor
from environments.addresses import DatabaseAddress
from environments.models import Environment
from environments.operations.register import Wishes, register

from .folder import Folder
from .history import History
from .people import make_team
from .places import APP, APP_NAME, Ground
from .supervisor import Supervisor

# What a deployment does to the toy app: it is told its version, by the package's file where there is one. An app of
# one's own would be told more.
DEPLOY = """
import json, pathlib, sys
target, model, _, *file = sys.argv[1:]
version = json.loads(pathlib.Path(file[0]).read_text())["model_version"] if file else model
pathlib.Path(target).write_text(version)
"""
UNDEPLOY = "import sys, pathlib; pathlib.Path(sys.argv[1]).unlink(missing_ok=True)"


def register_places(
    grounds: Iterable[Ground], folder: Folder, supervisor: Supervisor, say: Callable[[str], None]
) -> None:
    """Every place as it is at this start; those without a past get one."""
    by = Actor.command_line()
    for ground in grounds:
        wishes = wishes_for(ground, supervisor)
        made: list[str] = folder.read().get("histories", [])
        if ground.place.slug not in made:
            say(f"Making a history for {ground.place.name}: {ground.place.history.days} days, with real backups.")
            _make_past(ground, wishes, by)
            folder.keep(histories=[*made, ground.place.slug])
        register(str(ground.place), wishes, by=by)


def wishes_for(ground: Ground, supervisor: Supervisor) -> Wishes:
    place = ground.place
    return Wishes(
        app_name=APP_NAME,
        name=place.name,
        database=with_password(ground.address),
        admin_database=with_password(ground.keeper_address),
        files=str(ground.files),
        is_production=place.is_production,
        region=place.region,
        cloud_version=place.cloud_version,
        commands={
            "supervisor": f"{supervisor.socket} {place.slug}",
            "deploy": shlex.join([sys.executable, "-c", DEPLOY, str(ground.model_file)]),
            "undeploy": shlex.join([sys.executable, "-c", UNDEPLOY, str(ground.model_file)]),
        },
    )


def with_password(address: DatabaseAddress) -> str:
    """The address as a person would type it."""
    user = quote(address.user, safe="")
    return address.to_url().replace(f"//{user}@", f"//{user}:{quote(address.password, safe='')}@", 1)


def _make_past(ground: Ground, wishes: Wishes, by: Actor) -> None:
    """Register it when its past begins, then live through it."""
    begins_at = clock.now() - ground.place.history
    known = Environment.objects.filter(app__slug=APP, slug=ground.place.slug).first()
    if known is None:
        with clock.turned_to(begins_at):
            known = register(str(ground.place), wishes, by=by).environment
            make_team(known.app, by)
    History(ground, known).make()
