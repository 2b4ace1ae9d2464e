"""Reach: whose databases and files this machine reaches, told by the queues that it serves.

What was lost halfway through an exchange is brought to a whole end only where its files can be seen.
"""

from collections.abc import Iterable

from django.db.models import Q

from ..models import Environment
from .kinds import LONG, all_kinds

_served: list[str] = []


def serve(queues: Iterable[str]) -> None:
    """Say which queues this process's machine serves. As long as nobody does, it is taken to reach everything."""
    _served[:] = queues


def is_reached(environment: Environment) -> bool:
    """Whether its files are to be touched from here."""
    return not _served or (environment.region.queue or LONG) in _served


def beyond_reach() -> Q:
    """Operations that only a machine of their own queue can bring to a whole end."""
    if not _served:
        return Q(pk__in=[])
    recovered = [kind.name for kind in all_kinds() if kind.recover]
    return Q(kind__in=recovered) & ~Q(queue__in=list(_served))
