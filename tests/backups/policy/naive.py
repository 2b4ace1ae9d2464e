"""The policy a second time, slow and literal, shared with nothing: what the property tests compare with."""

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from uuid import UUID

from backups.policy.retention import Kept

A_SUNDAY = date(2000, 1, 2)
ONE_DAY = timedelta(days=1)


def is_sunday(day: date) -> bool:
    return (day - A_SUNDAY).days % 7 == 0


def rule(day: date) -> str:
    if not is_sunday(day):
        return "daily"
    earlier_this_month = [date(day.year, day.month, number) for number in range(1, day.day)]
    return "sunday" if any(map(is_sunday, earlier_this_month)) else "first_sunday"


def longest(days: Iterable[date]) -> str:
    rules = {rule(day) for day in days}
    return next(name for name in ("first_sunday", "sunday", "daily") if name in rules)


def expiry(created: datetime, kept_by: str) -> datetime:
    """Steps month by month over the calendar, then back to a day that the month has."""
    if kept_by == "daily":
        return created + 14 * 24 * timedelta(hours=1)
    year, month, day = created.year, created.month, created.day
    for _ in range({"sunday": 3, "first_sunday": 12}[kept_by]):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    while True:
        try:
            return datetime.combine(date(year, month, day), created.timetz())
        except ValueError:
            day -= 1


def removed(backups: Collection[Kept], now: datetime, is_nightly_on: bool, is_forced: bool) -> set[UUID]:
    """The section on pruning of the specification, sentence by sentence."""
    good = [b for b in backups if b.is_completed and b.is_usable]
    never = {max((b.created_at, b.id) for b in some)[1] for some in (good, _until(good, now)) if some}
    never |= {b.id for b in backups if b.is_pinned and not (b.pinned_until and b.pinned_until <= now)}
    never |= {b.id for b in backups if b.in_use != ""}
    would_go = [b for b in backups if b.expires_at <= now and b.id not in never]
    if is_forced:
        return {b.id for b in would_go}
    completed = [b for b in backups if b.is_completed]
    completed_going = [b for b in would_go if b.is_completed]
    if len(completed_going) > 10 and len(completed_going) > len(completed) / 2:
        return set()
    recent = [b for b in _until(good, now) if b.created_at >= now - timedelta(hours=72)]
    if is_nightly_on and completed and (not recent or _is_after_a_month_of_nothing(good, now)):
        return set()
    return {b.id for b in would_go}


def _is_after_a_month_of_nothing(good: list[Kept], now: datetime) -> bool:
    """Whether one of the last two weeks has something before it, and that more than 31 days before."""
    moments = {b.created_at for b in _until(good, now)}
    return any(
        now - moment < timedelta(days=14) and moment - max(earlier) > timedelta(days=31)
        for moment in moments
        if (earlier := [other for other in moments if other < moment])
    )


def _until(backups: Iterable[Kept], now: datetime) -> list[Kept]:
    return [b for b in backups if b.created_at <= now]


def slots_since(moment: datetime, now: datetime, starts_at: time) -> list[datetime]:
    """All slots from a day before a moment until now, by adding 24 hours again and again."""
    before = moment.astimezone(UTC).replace(hour=starts_at.hour, minute=starts_at.minute, second=0, microsecond=0)
    slots: list[datetime] = []
    for number in count(-1):
        slot = before + number * ONE_DAY
        if slot > now:
            return slots
        slots.append(slot)
    raise AssertionError


def missing(
    existed_since: datetime, nightly_since: datetime, made: Collection[datetime], now: datetime, starts_at: time
) -> list[datetime]:
    """The slots that came, were wanted, and neither were made nor have a later one that was made for them."""
    return [
        slot
        for slot in slots_since(existed_since, now, starts_at)
        if slot >= existed_since and slot >= nightly_since and not any(slot <= other <= now for other in made)
    ]
