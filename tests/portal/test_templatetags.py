"""Sizes, moments and ages, as people read them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from environments import clock
from environments.models import Region
from portal.templatetags import ornament
from portal.templatetags import portal as words

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("size", "unit", "said"),
    [
        (None, "", "–"),
        (0, "", "0.00 MB"),
        (1, "", "0.01 MB"),
        (5_000, "", "0.01 MB"),
        (12_345_678, "", "12.35 MB"),
        (999_999_999, "", "1,000.00 MB"),
        (1_000_000_000, "", "1.00 GB"),
        (4_813_000_000, "", "4.81 GB"),
        (870_000_000, "GB", "0.87 GB"),
        (4_813_000_000, "MB", "4,813.00 MB"),
        (1_204_100_000_000, "", "1,204.10 GB"),
    ],
)
def test_sizes_are_decimal_with_two_figures(size: int | None, unit: str, said: str) -> None:
    assert words.size(size, unit) == said


@pytest.mark.parametrize(
    ("passed", "short", "long"),
    [
        (timedelta(seconds=-5), "just now", "just now"),
        (timedelta(seconds=59), "just now", "just now"),
        (timedelta(seconds=119), "1 min ago", "1 minute ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago", "59 minutes ago"),
        (timedelta(hours=1), "1 h ago", "1 hour ago"),
        (timedelta(hours=19, minutes=30), "19 h ago", "19 hours ago"),
        (timedelta(hours=47, minutes=59), "47 h ago", "47 hours ago"),
        (timedelta(hours=48), "2 days ago", "2 days ago"),
        (timedelta(days=9, hours=23), "9 days ago", "9 days ago"),
    ],
)
def test_ages_round_down(passed: timedelta, short: str, long: str) -> None:
    with clock.turned_to(NOW):
        assert words.age(clock.now() - passed) == short
        assert words.ago(clock.now() - passed) == long


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2027, 2, 22, 19, tzinfo=UTC), "in 91 days"),
        (datetime(2026, 11, 25, 0, 1, tzinfo=UTC), "in 2 days"),
        (datetime(2026, 11, 24, 20, tzinfo=UTC), "in 29 hours"),
        (datetime(2026, 11, 23, 14, 0, tzinfo=UTC), "now"),
    ],
)
def test_what_is_to_come_is_counted_by_the_calendar(at: datetime, said: str) -> None:
    with clock.turned_to(NOW):
        assert words.ahead(at) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "–"), (0, "0 s"), (59.9, "59 s"), (228, "3 min 48 s"), (3600, "1 h 0 min"), (7505, "2 h 5 min")],
)
def test_durations(seconds: float | None, said: str) -> None:
    assert words.duration(seconds) == said


def test_counts_and_shares() -> None:
    assert (words.count(18_204), words.count(None)) == ("18,204", "–")
    assert (words.counted(1, "copy,copies"), words.counted(1204, "copy,copies")) == ("1 copy", "1,204 copies")
    assert words.counted(0, "backup") == "0 backups"
    assert words.percent(64) == "64 %"


def test_moments_are_time_elements_in_utc() -> None:
    at = datetime.fromisoformat("2026-11-22T20:00+01:00")

    assert words.moment(at) == '<time datetime="2026-11-22T19:00:00Z">2026-11-22 19:00 UTC</time>'
    assert words.day(at) == '<time datetime="2026-11-22T19:00:00Z" title="2026-11-22 19:00 UTC">2026-11-22</time>'
    assert words.day(date(2026, 11, 22)) == '<time datetime="2026-11-22">2026-11-22</time>'
    assert words.moment(None) == "–"


def test_local_time_names_the_city_and_the_other_day() -> None:
    at = datetime(2026, 11, 22, 16, tzinfo=UTC)

    assert words.time_in(at, Region(zone="Europe/Amsterdam")) == "17:00 in Amsterdam"
    assert words.time_in(at, Region(zone="Asia/Tokyo")) == "Monday 01:00 in Tokyo"
    assert 'title="11:00 in New York"' in words.moment_in(at, Region(zone="America/New_York"))


def test_an_icon_is_silent_beside_its_word_and_speaks_alone() -> None:
    assert 'aria-hidden="true"' in words.icon("x")
    assert 'role="img" aria-label="&lt;b&gt;"' in words.icon("x", 20, "<b>")


def test_the_year_of_sign_in_is_the_schedule_as_it_is_today() -> None:
    with clock.turned_to(NOW):
        year = ornament.retention_year()

    by_rule = {rule: sum(mark.rule == rule for mark in year["marks"]) for rule in ornament.SIZES}
    # A Monday afternoon: 12 of the 14 last days were no Sundays; 13 weeks of Sundays, of which 3 were first ones.
    assert by_rule == {"daily": 12, "sunday": 10, "first_sunday": 12}
    assert max(mark.x for mark in year["marks"]) < year["width"]


@pytest.mark.parametrize(
    ("coming", "said"),
    [
        (timedelta(hours=24) - timedelta(seconds=2), "24 hours left"),
        (timedelta(hours=22, minutes=31), "23 hours left"),
        (timedelta(hours=22, minutes=29), "22 hours left"),
        (timedelta(minutes=89), "1 hour left"),
        (timedelta(minutes=59, seconds=40), "1 hour left"),
        (timedelta(seconds=100), "2 minutes left"),
        (timedelta(seconds=29), "less than a minute left"),
        (timedelta(seconds=-5), "less than a minute left"),
        (timedelta(hours=47, minutes=50), "2 days left"),
    ],
)
def test_what_is_left_is_the_nearest_number(coming: timedelta, said: str) -> None:
    with clock.turned_to(NOW):
        assert words.left_over(clock.now() + coming) == said
