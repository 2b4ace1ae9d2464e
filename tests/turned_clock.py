"""A machine whose clock goes wrong, as far as one process of it can tell. The database's clock stays right."""

import time
from datetime import UTC, datetime, timedelta

from django.utils import timezone


def turn(seconds: float) -> None:
    """Let everything in this process that asks for the time be wrong by so much."""
    right = time.time

    def wrong() -> float:
        return right() + seconds

    time.time = wrong
    timezone.now = lambda: datetime.now(tz=UTC) + timedelta(seconds=seconds)
