"""Crews: each `manage.py work`, on whichever machine, shows what it serves and what it runs with."""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from ..models import Crew
from .claim import me
from .periods import SIGN_STALE_SECONDS, in_seconds

QUEUES = "queues"
FORGOTTEN_AFTER = timedelta(days=1).total_seconds()


@dataclass(frozen=True)
class SeenCrew:
    """A crew that showed itself lately. `clock_wrong`: how far its clock was ahead of the database's, in seconds."""

    host: str
    is_here: bool
    queues: tuple[str, ...]
    clock_wrong: float
    facts: dict[str, Any]


def show_crew(facts: dict[str, Any]) -> None:
    """Say that this crew is there, by the database's clock, and what its own clock says."""
    Crew.objects.update_or_create(name=me(), defaults={"at": Now(), "clock": time.time(), "facts": facts})
    Crew.objects.filter(at__lt=in_seconds(-FORGOTTEN_AFTER)).delete()


def leave() -> None:
    """Say that this crew ends."""
    Crew.objects.filter(name=me()).delete()


def crews() -> list[SeenCrew]:
    """Those that showed themselves lately."""
    rows, here = Crew.objects.filter(at__gte=in_seconds(-SIGN_STALE_SECONDS)).order_by("name"), me().rpartition("|")[0]
    return [
        SeenCrew(
            row.name.partition("|")[0],
            row.name.rpartition("|")[0] == here,
            tuple(row.facts.get(QUEUES, ())),
            row.clock - row.at.timestamp(),
            row.facts,
        )
        for row in rows
    ]
