"""Which generations that left are still kept, and the removal of the others."""

import logging
from collections.abc import Callable

import psycopg

from environments import clock
from environments.errors import Failed
from environments.lifecycle.reach import is_reached
from environments.models import Environment

from ..models import Generation
from ..models.generation import Kept
from .exchange import discard_generation

logger = logging.getLogger(__name__)


def last_generation(environment: Environment) -> Generation | None:
    """What an undo would bring back now; None when there is nothing, or its time is over."""
    newest = Generation.objects.filter(environment=environment).select_related("operation", "package").first()
    if newest is None or newest.kept != Kept.KEPT or newest.undo_until <= clock.now():
        return None
    return newest


def discard_older(environment: Environment, beat: Callable[[], None]) -> None:
    """Only the last generation is kept. What cannot be removed now is removed by the next pass of the reaper.

    `beat` is called while a large tree goes. Raises what it raises.
    """
    kept = Generation.objects.filter(environment=environment, kept=Kept.KEPT).select_related("environment")
    for generation in kept[1:]:
        _discard(generation, beat)


def discard_expired() -> None:
    """Remove every generation whose time is over, and those that a newer one has displaced. For the reaper.

    Each from a machine that reaches its files: elsewhere they would seem to be gone.
    """
    kept = Generation.objects.filter(kept=Kept.KEPT).order_by("-left_at", "-id")
    kept = kept.select_related("environment__app", "environment__region")
    seen = set()
    for generation in kept:
        is_over = generation.undo_until <= clock.now() or generation.environment_id in seen
        if is_over and is_reached(generation.environment):
            _discard(generation)
        seen.add(generation.environment_id)


def _discard(generation: Generation, beat: Callable[[], None] = lambda: None) -> None:
    try:
        discard_generation(generation, beat)
    except (psycopg.Error, OSError, Failed) as error:
        logger.warning("%s could not be removed yet: %s", generation, str(error).strip())
