"""How long each backup is kept, by which rule, and what pruning removes (specification §8)."""

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from uuid import UUID

from ..choices import Rule

DAILY_FOR = timedelta(days=14)
MONTHS_OF = {Rule.SUNDAY: 3, Rule.FIRST_SUNDAY: 12}
SHORTEST_FIRST = (Rule.DAILY, Rule.SUNDAY, Rule.FIRST_SUNDAY)

# The guards: so many Completed backups may always go at once, and so old may the newest good one be.
MAY_GO_AT_ONCE = 10
NEWEST_FOR = timedelta(days=3)
# After so long without any, one new backup proves neither that the clock is right nor that the nights are well again.
LONG_GAP = timedelta(days=31)


def day_of(created_at: datetime, slot_at: datetime | None = None) -> date:
    """The day that decides how long a backup is kept: the UTC date of its slot, else of the request."""
    return (slot_at or created_at).astimezone(UTC).date()


def rule_for(day: date) -> Rule:
    """The longest rule that a UTC date falls under."""
    if day.isoweekday() != 7:
        return Rule.DAILY
    return Rule.FIRST_SUNDAY if day.day <= 7 else Rule.SUNDAY


def longest_rule(days: Iterable[date]) -> Rule:
    """The longest rule of some UTC dates, of which there is at least one."""
    return max(map(rule_for, days), key=SHORTEST_FIRST.index)


def add_months(moment: datetime, months: int) -> datetime:
    """The same time of day so many calendar months later, clipped to the month's length (30 Nov + 3 = 28 or 29 Feb)."""
    years, month0 = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, calendar.monthrange(years, month0 + 1)[1])
    return moment.replace(year=years, month=month0 + 1, day=day)


def expires_at(created_at: datetime, rule: Rule) -> datetime:
    """The UTC moment from which a backup asked for at `created_at` is removed under a rule."""
    created_at = created_at.astimezone(UTC)
    if rule == Rule.DAILY:
        return created_at + DAILY_FOR
    return add_months(created_at, MONTHS_OF[rule])


@dataclass(frozen=True, slots=True)
class Kept:
    """What pruning has to know of one backup."""

    id: UUID
    created_at: datetime
    expires_at: datetime
    kept_by: Rule
    is_completed: bool = True
    is_usable: bool = True  # Completed, not known to be broken, not being deleted
    in_use: str = ""  # in words, as "being restored", "being downloaded", "being made"
    is_pinned: bool = False
    pinned_until: datetime | None = None  # the pin holds before this moment; None: until it is taken out
    pin_reason: str = ""


class Cause(StrEnum):
    """Why a backup is kept or removed."""

    NOT_EXPIRED = "not expired"
    NEWEST_GOOD = "newest good backup"
    PINNED = "pinned"
    IN_USE = "in use"
    TOO_MANY = "too many at once"
    GAP = "no recent good backup"
    LONG_GAP = "after a long gap"
    EXPIRED = "expired"
    FORCED = "forced"


REMOVING = (Cause.EXPIRED, Cause.FORCED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What pruning does with one backup; as a string, that and why: "kept: newest good backup"."""

    backup: Kept
    cause: Cause
    reason: str

    @property
    def is_removed(self) -> bool:
        return self.cause in REMOVING

    def __str__(self) -> str:
        return f"{'removed' if self.is_removed else 'kept'}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A verdict for every backup, newest first, and why this environment is left alone, in words, if it is."""

    verdicts: tuple[Verdict, ...]
    held_back: str = ""

    @property
    def removed(self) -> list[Kept]:
        return [verdict.backup for verdict in self.verdicts if verdict.is_removed]


def plan_pruning(backups: Iterable[Kept], *, now: datetime, is_nightly_on: bool, is_forced: bool = False) -> Plan:
    """Decide for every backup of ONE environment, whatever its status, what pruning does at `now`.

    Nothing that is not expired goes, nor the newest good backup, a pinned one or one in use: not even by force.
    Force only passes the two guards, which keep everything when too much would go at once or nothing new has come.
    """
    ordered = sorted(backups, key=_age, reverse=True)
    newest = _newest_good(ordered, now)
    never = {backup.id: found for backup in ordered if (found := _why_never(backup, newest, now))}
    going = [backup for backup in ordered if backup.id not in never]
    guard = _why_held(ordered, going, now, is_nightly_on) if going else None
    held = None if is_forced else guard
    return Plan(
        tuple(Verdict(backup, *(never.get(backup.id) or held or _why_removed(backup, guard))) for backup in ordered),
        held_back=f"Nothing is pruned here: {held[1]}. {_advice(held[0])}" if held else "",
    )


def gap_before(backups: Iterable[Kept], now: datetime) -> tuple[datetime, datetime] | None:
    """The last gap of more than a month between good backups that ended less than two weeks ago, or None.

    As moments of the backup before it and of the one that ended it. After two weeks the shelf is full again.
    """
    made = sorted(one.created_at for one in backups if one.is_completed and one.is_usable and one.created_at <= now)
    gaps = [(before, after) for before, after in pairwise(made) if after - before > LONG_GAP]
    return gaps[-1] if gaps and now - gaps[-1][1] < DAILY_FOR else None


def _age(backup: Kept) -> tuple[datetime, UUID]:
    return backup.created_at, backup.id


def _newest_good(newest_first: list[Kept], now: datetime) -> list[Kept]:
    """The newest good backup; when a clock that was ahead dated it beyond `now`, also the newest one before."""
    good = [backup for backup in newest_first if backup.is_completed and backup.is_usable]
    past = [backup for backup in good if backup.created_at <= now]
    return good[:1] + past[:1]


def _why_never(backup: Kept, newest: list[Kept], now: datetime) -> tuple[Cause, str] | None:
    if backup.expires_at > now:
        return Cause.NOT_EXPIRED, f"until {_date(backup.expires_at)}, {Rule(backup.kept_by).label}"
    if backup in newest:
        return Cause.NEWEST_GOOD, "newest good backup"
    if backup.is_pinned and (backup.pinned_until is None or backup.pinned_until > now):
        until = f" until {_date(backup.pinned_until)}" if backup.pinned_until else ""
        because = f" because {backup.pin_reason}" if backup.pin_reason else ""
        return Cause.PINNED, f"pinned{until}{because}"
    if backup.in_use:
        return Cause.IN_USE, backup.in_use
    return None


def _why_held(ordered: list[Kept], going: list[Kept], now: datetime, is_nightly_on: bool) -> tuple[Cause, str] | None:
    completed = sum(backup.is_completed for backup in ordered)
    leaving = sum(backup.is_completed for backup in going)
    if leaving > MAY_GO_AT_ONCE and leaving * 2 > completed:
        return Cause.TOO_MANY, f"{leaving} of {completed} Completed backups would go at once"
    if not is_nightly_on or not completed:
        return None
    newest = max((backup.created_at for backup in _newest_good(ordered, now) if backup.created_at <= now), default=None)
    if newest is None:
        return Cause.GAP, "nightly backups are on and no good backup is there"
    if now - newest > NEWEST_FOR:
        return Cause.GAP, f"nightly backups are on and the newest good one is from {_date(newest)}"
    if gap := gap_before(ordered, now):
        before, after = gap
        days = f"{(after - before).days:,} days without a good backup came before {_date(after)}"
        return Cause.LONG_GAP, f"{days}, and until {_date(after + DAILY_FOR)} what is older stays"
    return None


def _advice(cause: Cause) -> str:
    """What a person does about a guard that keeps everything."""
    by_force = "manage.py prune_backups --force"
    return {
        Cause.TOO_MANY: (
            "See that clock and backups are as they should be. "
            f"After a long time off they are: then run {by_force} once."
        ),
        Cause.GAP: f"Create a backup; when it is Completed, pruning goes on. Where none can be made: {by_force}.",
        Cause.LONG_GAP: f"See that the clock is right. Pruning goes on by itself, or at once with: {by_force}.",
    }[cause]


def _why_removed(backup: Kept, passed: tuple[Cause, str] | None) -> tuple[Cause, str]:
    expired = f"{'' if backup.is_completed else 'failed, '}expired {_date(backup.expires_at)}"
    return (Cause.FORCED, f"{expired}, by force although {passed[1]}") if passed else (Cause.EXPIRED, expired)


def _date(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"
