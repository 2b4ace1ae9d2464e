"""Who asks: a person, the night, or a command."""

import getpass
from dataclasses import dataclass
from typing import Self

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User

from .choices import Origin


@dataclass(frozen=True)
class Actor:
    """Who acts, with the name as it is now: history keeps it when the person is gone."""

    name: str
    origin: str
    user: User | None = None

    @classmethod
    def person(cls, user: AbstractBaseUser | AnonymousUser) -> Self:
        assert isinstance(user, User)
        return cls(user.get_full_name() or user.get_username(), Origin.PERSON, user)

    @classmethod
    def command_line(cls) -> Self:
        """Whoever runs the command, by the name the system knows."""
        try:
            name = getpass.getuser()
        except (OSError, KeyError):
            name = "unknown"
        return cls(f"Command line ({name})", Origin.COMMAND_LINE)


def lock_person(user: int) -> None:
    """Until the transaction ends, let nobody else count what this person has: else two requests at once both pass.

    Take it before any other lock. It is in nobody's way who only refers to the person.
    """
    User.objects.select_for_update(no_key=True).filter(pk=user).values_list("pk").first()


NIGHTLY = Actor("Nightly", Origin.NIGHTLY)
PORTAL = Actor("The portal", Origin.COMMAND_LINE)
