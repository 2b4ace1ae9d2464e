"""How long each backup is kept, and by which rule (specification §8)."""

import calendar
from datetime import date, datetime, timedelta

from ..choices import Rule

DAILY_FOR = timedelta(days=14)
MONTHS_OF = {Rule.SUNDAY: 3, Rule.FIRST_SUNDAY: 12}


def rule_for(day: date) -> Rule:
    """The longest rule that a UTC date falls under."""
    if day.isoweekday() != 7:
        return Rule.DAILY
    return Rule.FIRST_SUNDAY if day.day <= 7 else Rule.SUNDAY


def add_months(moment: datetime, months: int) -> datetime:
    """The same time of day so many calendar months later, clipped to the month's length (30 Nov + 3 = 28 or 29 Feb)."""
    years, month0 = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, calendar.monthrange(years, month0 + 1)[1])
    return moment.replace(year=years, month=month0 + 1, day=day)


def expires_at(created_at: datetime, rule: Rule) -> datetime:
    """When a backup asked for at `created_at` (UTC) is removed under a rule."""
    if rule is Rule.DAILY:
        return created_at + DAILY_FOR
    return add_months(created_at, MONTHS_OF[rule])
