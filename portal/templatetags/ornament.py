"""The one ornament: a year of retention, as it is today."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from django import template

from backups.choices import Rule
from backups.policy import retention
from environments import clock

register = template.Library()

WEEKS, PITCH = 53, 26
SIZES = {Rule.DAILY: 10, Rule.SUNDAY: 16, Rule.FIRST_SUNDAY: 23}


class Mark(NamedTuple):
    """A day whose nightly backup is still kept: a square around its place."""

    x: float
    y: float
    size: int
    rule: Rule


@register.inclusion_tag("account/_year.html")
def retention_year() -> dict[str, Any]:
    """One mark for each day of the last 53 weeks whose nightly backup would still be kept; Sundays below."""
    today = clock.now().astimezone(UTC).date()
    monday = today - timedelta(days=today.weekday(), weeks=WEEKS - 1)
    days = (monday + timedelta(days=number) for number in range((today - monday).days + 1))
    marks = [_mark(monday, day) for day in days if _is_kept(day, today)]
    return {"marks": marks, "width": WEEKS * PITCH, "height": 7 * PITCH, "pitch": PITCH, "middle": PITCH / 2}


def _is_kept(day: date, today: date) -> bool:
    made_at, now = (datetime.combine(one, time(), UTC) for one in (day, today))
    return retention.expires_at(made_at, retention.rule_for(day)) > now


def _mark(monday: date, day: date) -> Mark:
    week, weekday = divmod((day - monday).days, 7)
    rule = retention.rule_for(day)
    size = SIZES[rule]
    return Mark(week * PITCH + (PITCH - size) / 2, weekday * PITCH + (PITCH - size) / 2, size, rule)
