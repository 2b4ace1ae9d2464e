"""Generated histories of one environment's backups, each the same for the same seed."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from backups.choices import Rule
from backups.policy.retention import Kept

from . import naive

IS_THOROUGH = os.environ.get("PORTAL_TEST_THOROUGH") == "1"
FIRST, LAST = datetime(1999, 1, 1, tzinfo=UTC), datetime(2040, 12, 31, tzinfo=UTC)


@dataclass(frozen=True)
class History:
    backups: list[Kept]
    now: datetime
    is_nightly_on: bool
    is_forced: bool


def a_moment(random: Random) -> datetime:
    return FIRST + timedelta(seconds=random.randrange(int((LAST - FIRST).total_seconds())))


def a_history(seed: int) -> History:
    """Nights with gaps, backups by people, failures, damage, pins and use; looked at now, later, or on an edge."""
    random = Random(seed)
    start, days = a_moment(random), random.choice([2, 9, 15, 30, 60, 200])
    health = random.choice([0.3, 0.9, 1.0])
    nights = [start + timedelta(days=day) for day in range(days) if random.random() < random.choice([0.2, 1.0])]
    people = [start + timedelta(days=random.uniform(0, days)) for _ in range(random.randrange(12))]
    if random.random() < 0.2:  # an outage, and the first one after it
        nights.append(start + timedelta(days=days + random.choice([20, 31, 32, 40, 3653])))
        days = max(days, (nights[-1] - start).days)
    backups = [a_backup(random, moment, health) for moment in nights + people]
    random.shuffle(backups)
    return History(backups, _looked_at(random, start + timedelta(days=days), backups), *_two_coins(random))


def a_backup(random: Random, created_at: datetime, health: float = 1.0) -> Kept:
    kept_by = naive.rule(created_at.date())
    is_completed = random.random() < health
    is_pinned = random.random() < 0.05
    return Kept(
        id=UUID(int=random.getrandbits(128)),
        created_at=created_at,
        expires_at=naive.expiry(created_at, kept_by),
        kept_by=Rule(kept_by),
        is_completed=is_completed,
        is_usable=is_completed and random.random() < health,
        in_use=random.choice(["being restored", "being downloaded"]) if random.random() < 0.03 else "",
        is_pinned=is_pinned,
        pinned_until=created_at + timedelta(days=random.randrange(500)) if random.random() < 0.5 else None,
        pin_reason=random.choice(["", "before the migration"]) if is_pinned else "",
    )


def _looked_at(random: Random, end: datetime, backups: list[Kept]) -> datetime:
    edge = random.choice(backups).expires_at if backups else end
    return random.choice(
        [
            end,
            end + timedelta(days=random.uniform(-20, 40)),
            edge,
            edge - timedelta.resolution,
            max((backup.created_at for backup in backups), default=end) + timedelta(days=3),
            end.replace(year=end.year + 10, day=min(end.day, 28)),
        ]
    )


def _two_coins(random: Random) -> tuple[bool, bool]:
    return random.random() < 0.6, random.random() < 0.2
