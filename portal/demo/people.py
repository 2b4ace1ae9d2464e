"""The demo's people: one for each kind of right, with passwords of this data directory alone."""

import secrets
from dataclasses import dataclass

from django.contrib.auth.models import User

from environments.actors import Actor
from environments.choices import Role
from environments.models import App
from environments.operations.admit import admit

from .folder import Folder

LEGIBLE = "abcdefghjkmnpqrstuvwxyz23456789"  # without what looks alike


@dataclass(frozen=True)
class Person:
    username: str
    first_name: str
    last_name: str
    role: str
    is_support: bool = False

    @property
    def words(self) -> str:
        return "support staff" if self.is_support else str(Role(self.role).label).lower()


INES = Person("ines", "Ines", "Duarte", Role.TECHNICAL_CONTACT)
BEN = Person("ben", "Ben", "Okafor", Role.DEVELOPER)
MIRA = Person("mira", "Mira", "Lindqvist", Role.VIEWER)
SUPPORT = Person("support", "Sofia", "Keller", "", is_support=True)
PEOPLE = (INES, BEN, MIRA, SUPPORT)


def passwords(folder: Folder) -> dict[str, str]:
    """By user name; made once, and kept where only the owner reads."""
    kept: dict[str, str] = folder.read().get("passwords", {})
    made = {person.username: kept.get(person.username) or _new_password() for person in PEOPLE}
    if made != kept:
        folder.keep(passwords=made)
    return made


def _new_password() -> str:
    """Three groups that can be read from a terminal and typed: xk4m-9pqw-2hst."""
    return "-".join("".join(secrets.choice(LEGIBLE) for _ in range(4)) for _ in range(3))


def make_people(folder: Folder) -> None:
    """Whoever is missing. A password that a person changed since is left alone."""
    known = passwords(folder)
    for person in PEOPLE:
        if not User.objects.filter(username=person.username).exists():
            User.objects.create_user(
                person.username,
                f"{person.username}@example.org",
                known[person.username],
                first_name=person.first_name,
                last_name=person.last_name,
                is_staff=person.is_support,
                is_superuser=person.is_support,
            )


def make_team(app: App, by: Actor) -> None:
    """Everybody's place in the team."""
    for person in PEOPLE:
        if person.role:
            admit(app, User.objects.get(username=person.username), person.role, by=by)
