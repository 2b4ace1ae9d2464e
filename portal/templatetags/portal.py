"""Small words for templates: icons, sizes, counts, moments, ages, durations."""

from datetime import UTC, date, datetime, timedelta

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from environments import clock
from environments.models import Region

register = template.Library()

MB, GB = 1_000_000, 1_000_000_000
SHORT = {"minute": "min", "hour": "h"}


@register.simple_tag
def icon(name: str, size: int = 16, label: str = "") -> SafeString:
    """A symbol of the sprite. Without a label it stands beside a word and is hidden from screen readers."""
    spoken = format_html('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"')
    return format_html(
        '<svg class="icon i-{0}" width="{1}" height="{1}" {2}><use href="{3}#{0}"/></svg>',
        name,
        size,
        spoken,
        static("vendor/lucide.svg"),
    )


# Sizes, counts, shares


@register.filter
def size_unit(size: int | None) -> str:
    """The unit for a table whose largest size this is: one unit a table."""
    return "GB" if (size or 0) >= GB else "MB"


@register.filter(name="bytes")
def size(size: int | None, unit: str = "") -> str:
    """A size with two figures behind the point: 4.81 GB. Something is never shown as nothing."""
    if size is None:
        return "–"
    unit = unit or size_unit(size)
    return f"{amount(size, unit)} {unit}"


@register.filter
def amount(size: int | None, unit: str) -> str:
    """The figure of a size alone, where the unit follows later: 3.08 of 4.82 GB."""
    figure = (size or 0) / (GB if unit == "GB" else MB)
    return f"{max(figure, 0.01) if size else 0:,.2f}"


@register.filter
def count(number: int | None) -> str:
    """18,204."""
    return "–" if number is None else f"{number:,}"


@register.filter
def counted(number: int, noun: str) -> str:
    """1 backup, 1,204 backups; the noun as "backup" or "copy,copies"."""
    one, _, many = noun.partition(",")
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


@register.filter
def percent(number: int | None) -> str:
    """64 %."""
    return "" if number is None else f"{number} %"


# Moments and ages


@register.filter
def moment(at: datetime | None) -> str:
    """2026-11-23 19:00 UTC, as a time element."""
    return _element(at, "%Y-%m-%d %H:%M UTC")


@register.filter
def minute(at: datetime | None) -> str:
    """2026-11-23 19:00, where the zone stands in the heading of the table."""
    return _element(at, "%Y-%m-%d %H:%M")


@register.filter
def day(at: datetime | date | None) -> str:
    """2026-11-23, with the exact moment in a tooltip."""
    if isinstance(at, datetime):
        return _element(at, "%Y-%m-%d", title=f"{_utc(at):%Y-%m-%d %H:%M UTC}")
    return "–" if at is None else format_html('<time datetime="{0}">{0}</time>', f"{at:%Y-%m-%d}")


@register.filter
def time_in(at: datetime, region: Region) -> str:
    """The local time in a region's city: 20:00 in Amsterdam; the day too where it is another one than in UTC."""
    local = at.astimezone(region.zoneinfo)
    day_there = "" if local.date() == _utc(at).date() else f"{local:%A} "
    return f"{day_there}{local:%H:%M} in {region.city}"


@register.simple_tag
def moment_in(at: datetime, region: Region) -> str:
    """The moment in UTC, with the region's local time in a tooltip."""
    return _element(at, "%Y-%m-%d %H:%M UTC", title=time_in(at, region))


@register.filter
def weekday(at: datetime | date) -> str:
    """Sunday, in UTC."""
    return f"{_utc(at) if isinstance(at, datetime) else at:%A}"


@register.filter
def age(at: datetime) -> str:
    """How long ago, short: 2 min ago, 43 h ago, 2 days ago. Rounded down."""
    number, unit = _rounded_down(clock.now() - at)
    if not number:
        return "just now"
    return f"{counted(number, unit) if unit == 'day' else f'{number} {SHORT[unit]}'} ago"


@register.filter
def ago(at: datetime) -> str:
    """How long ago, in full: 19 hours ago."""
    number, unit = _rounded_down(clock.now() - at)
    return f"{counted(number, unit)} ago" if number else "just now"


@register.filter
def old(at: datetime) -> str:
    """How old: 5 hours."""
    number, unit = _rounded_down(clock.now() - at)
    return counted(number, unit) if number else "less than a minute"


@register.filter
def ahead(at: datetime) -> str:
    """How long until: in 91 days, counted by the calendar in UTC; nearer than two days in hours; past: now."""
    days = (_utc(at).date() - _utc(clock.now()).date()).days
    if days >= 2:
        return f"in {counted(days, 'day')}"
    number, unit = _rounded_down(at - clock.now())
    return f"in {counted(number, unit)}" if number else "now"


@register.filter
def left_over(at: datetime) -> str:
    """How much time is left until then, rounded: 24 hours left, also a minute after 24 hours were given."""
    number, unit = _rounded(at - clock.now())
    return f"{counted(number, unit)} left" if number else "less than a minute left"


@register.filter
def duration(seconds: float | timedelta | None) -> str:
    """3 min 48 s; 1 h 4 min from an hour on."""
    if seconds is None:
        return "–"
    whole = max(0, int(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


@register.filter
def since(at: datetime | None) -> timedelta | None:
    """How much time has passed since then, for `duration`."""
    return None if at is None else clock.now() - at


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _element(at: datetime | None, form: str, title: str = "") -> str:
    if at is None:
        return "–"
    at = _utc(at)
    tooltip = format_html(' title="{}"', title) if title else ""
    return format_html('<time datetime="{}"{}>{}</time>', f"{at:%Y-%m-%dT%H:%M:%SZ}", tooltip, at.strftime(form))


def _rounded(coming: timedelta) -> tuple[int, str]:
    """The nearest number of minutes, hours to 48, then days."""
    seconds = max(0, int(coming.total_seconds()))
    for unit, length, most in (("minute", 60, 60), ("hour", 3600, 48)):
        number = (seconds + length // 2) // length
        if number < most:
            return number, unit
    return (seconds + 12 * 3600) // (24 * 3600), "day"


def _rounded_down(passed: timedelta) -> tuple[int, str]:
    """Whole minutes, hours to 48, then days."""
    minutes = max(0, int(passed.total_seconds())) // 60
    if minutes < 60:
        return minutes, "minute"
    return (minutes // 60, "hour") if minutes < 48 * 60 else (minutes // (24 * 60), "day")
