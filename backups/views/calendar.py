"""The year of what is kept, one mark a day: a picture and a table, loaded when the page comes to it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from environments import clock
from environments.access import pass_gate
from environments.models import Environment, RegionStart

from ..choices import Rule
from ..models import Backup
from ..policy import nightly

WEEKS, PITCH, TOP, LEFT = 53, 14, 20, 30
PINNED = "pinned"
SIZES: dict[str, int] = {Rule.DAILY: 5, Rule.SUNDAY: 8, Rule.FIRST_SUNDAY: 12, PINNED: 8}
KEY: list[tuple[str, str]] = [
    (Rule.DAILY, "any day: 2 weeks"),
    (Rule.SUNDAY, "Sunday: 3 months"),
    (Rule.FIRST_SUNDAY, "first Sunday: 1 year"),
    (PINNED, "pinned"),
]


@dataclass(frozen=True, slots=True)
class Mark:
    """A day of which something is kept. `x`, `y` are the middle of its place."""

    day: date
    by: str
    backups: int
    x: float
    y: float
    size: int

    @property
    def left(self) -> float:
        return self.x - self.size / 2

    @property
    def top(self) -> float:
        return self.y - self.size / 2

    @property
    def in_words(self) -> str:
        many = f", {self.backups} backups" if self.backups > 1 else ""
        return f"{self.day:%a %Y-%m-%d}: {dict(KEY)[self.by]}{many}"

    @property
    def rule_in_words(self) -> str:
        return dict(KEY)[self.by]


class Start(NamedTuple):
    """When a region's night begins for one cloud version: in UTC, and by its own clocks today."""

    region: str
    cloud_version: str
    utc: str
    local: str


@dataclass(frozen=True)
class Calendar:
    """What the template draws: 53 weeks across, Monday first, so that Sundays are the bottom line."""

    marks: list[Mark]
    months: list[tuple[str, float]]
    counts: list[tuple[str, str, int]]
    today: date

    width = LEFT + WEEKS * PITCH + 4
    height = TOP + 7 * PITCH + 2
    left = LEFT
    top = TOP
    pitch = PITCH
    bed = TOP + 6 * PITCH


@require_safe
def calendar(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    """The year alone for a page that has room for it; else a page of its own."""
    passed = pass_gate(request, app, environment)
    template = "backups/_calendar.html" if request.headers.get("HX-Request") else "backups/calendar.html"
    context = {"environment": passed.environment, "calendar": calendar_of(passed.environment), "starts": start_table()}
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def start_table() -> list[Start]:
    """When nights begin, by region and cloud version. One query."""
    today = clock.now().astimezone(UTC).date()
    rows = RegionStart.objects.select_related("region").order_by("region__name", "cloud_version")
    return [
        Start(
            row.region.name,
            row.cloud_version,
            f"{row.starts_at:%H:%M}",
            f"{nightly.local_start(today, row.starts_at, row.region.zone)} {row.region.city}",
        )
        for row in rows
    ]


def calendar_of(environment: Environment) -> Calendar:
    """The last 53 weeks of an environment. One query."""
    today = clock.now().astimezone(UTC).date()
    monday = today - timedelta(days=today.weekday(), weeks=WEEKS - 1)
    kept: dict[date, list[str]] = {}
    for day, by in _kept_since(environment, monday):
        kept.setdefault(day, []).append(by)
    marks = [_mark(monday, day, kept[day]) for day in sorted(kept) if monday <= day <= today]
    totals = Counter(mark.by for mark in marks)
    return Calendar(marks, _months(monday, today), [(by, words, totals[by]) for by, words in KEY], today)


def _kept_since(environment: Environment, monday: date) -> Iterable[tuple[date, str]]:
    since = datetime.combine(monday, datetime.min.time(), tzinfo=UTC)
    rows = Backup.objects.filter(environment=environment, created_at__gte=since).usable().order_by()
    for created_at, slot_at, kept_by, pinned_at in rows.values_list("created_at", "slot_at", "kept_by", "pinned_at"):
        yield (slot_at or created_at).astimezone(UTC).date(), PINNED if pinned_at else kept_by


def _mark(monday: date, day: date, kept: list[str]) -> Mark:
    """One mark a day: the pin, else the longest rule."""
    by = PINNED if PINNED in kept else max(kept, key=SIZES.__getitem__)
    week, weekday = divmod((day - monday).days, 7)
    return Mark(day, by, len(kept), LEFT + (week + 0.5) * PITCH, TOP + (weekday + 0.5) * PITCH, SIZES[by])


def _months(monday: date, today: date) -> list[tuple[str, float]]:
    """The names of the months, each over the first week that begins in it."""
    found: list[tuple[str, float]] = []
    for week in range(WEEKS):
        first = monday + timedelta(weeks=week)
        if first.day <= 7 and first <= today:
            found.append((f"{first:%b}", LEFT + week * PITCH))
    return found
