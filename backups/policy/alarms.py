"""What is alarming: nights that are missing, and backups that shrank (pure functions of their arguments)."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from enum import StrEnum
from statistics import median

from .nightly import MISSED_AFTER, slots_between

URGENT_AFTER_NIGHTS = 3
STALLED_AFTER = timedelta(minutes=10)
LOOKED_AT = 10
FEWEST = 3
LEFT_AT_LEAST = 0.2


class Cause(StrEnum):
    """What is wrong; the words are shown."""

    VAULT = "vault away"
    MISSING = "nightly backup missing"
    NO_START = "no nightly start"
    WAITING = "nightly backup not begun"
    FAILED = "nightly backup failed"
    NIGHTS_WITHOUT = "no nightly backup for days"
    AHEAD = "backup dated ahead of now"
    SHRUNK = "backup much smaller"
    DAMAGED = "backup damaged"
    GONE = "backup missing in the vault"
    STALLED = "an operation stands still"
    NOT_PRUNED = "expired backups not removed"


def missed_slot(
    *, since: datetime, last: datetime | None, now: datetime, starts_at: time
) -> tuple[datetime, int] | None:
    """The newest slot that was not asked for two hours after it, and how many came since the last that was; or None.

    `since` is when the schedule began to hold, `last` the newest slot that was asked for.
    """
    until = now - MISSED_AFTER
    after = since - datetime.resolution if last is None or last < since else last
    missed = slots_between(after, until, starts_at) if after < until else []
    return (missed[-1], len(missed)) if missed else None


def nights_without(*, since: datetime, made: datetime | None, slot: datetime, starts_at: time) -> int:
    """How many nights in a row, up to that of `slot`, brought no backup. `made` is the newest slot that did."""
    after = since - datetime.resolution if made is None or made < since else made
    return len(slots_between(after, slot, starts_at)) if after < slot else 0


def shrank_to(size: int, earlier: Sequence[int]) -> float | None:
    """Which part of the median of the last backups' sizes this one has, when that is less than a fifth.

    `earlier` are the sizes before, newest first; of too few nothing is concluded.
    """
    known = list(earlier[:LOOKED_AT])
    usual = median(known) if len(known) >= FEWEST else 0
    return size / usual if usual and size < usual * LEFT_AT_LEAST else None
