"""How long a lease lasts, how often it is renewed, how patient everybody is: in seconds, by the database's clock."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import DateTimeField, ExpressionWrapper
from django.db.models.functions import Now

# 1 in every installation; the tests let time run faster, for workers and reaper alike.
PACE: float = getattr(settings, "LIFECYCLE_PACE", 1)

LEASE_SECONDS = 60 * PACE
BEAT_SECONDS = 5 * PACE
REAP_EVERY_SECONDS = 15 * PACE
FIRST_RING_AGAIN_SECONDS = 60 * PACE
LAST_RING_AGAIN_SECONDS = 15 * 60 * PACE
FINISH_WITHIN_SECONDS = 5 * 60 * PACE
# How long one try at bringing a lost attempt to a whole end may go on: it starts apps and removes trees.
RECOVER_WITHIN_SECONDS = 30 * 60 * PACE
SIGN_STALE_SECONDS = 3 * 60 * PACE
FROZEN_SECONDS = 6 * 60 * PACE
STUCK_SECONDS = 2 * 60 * PACE
# How long a cluster may take to stop. Work that cannot be handed back (a swap) is waited for beyond it.
STOP_WITHIN_SECONDS = 60 * PACE
# How long the queue's library may take for that when nobody has anything in hand any more.
QUIET_SECONDS = max(3, 8 * PACE)


def in_seconds(seconds: float) -> "ExpressionWrapper[Any]":
    """So many seconds from now, by the database's own clock: one clock for all worker machines.

    Unlike `clock.database_now` it cannot be turned: a lease is about real processes, also while the demo makes history.
    """
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=DateTimeField())
