"""How long a backup is kept: the specification's table, and every day of 42 years."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from backups.choices import Rule
from backups.policy.retention import add_months, day_of, expires_at, longest_rule, rule_for

from . import naive

KATHMANDU = timezone(timedelta(hours=5, minutes=45))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "rule", "words"),
    [
        ("2026-11-23", Rule.DAILY, "daily: 2 weeks"),
        ("2026-11-28", Rule.DAILY, "daily: 2 weeks"),
        ("2026-11-22", Rule.SUNDAY, "Sunday: 3 months"),
        ("2026-11-08", Rule.SUNDAY, "Sunday: 3 months"),
        ("2026-11-01", Rule.FIRST_SUNDAY, "first Sunday of the month: 1 year"),
        ("2026-06-07", Rule.FIRST_SUNDAY, "first Sunday of the month: 1 year"),
        ("2028-02-29", Rule.DAILY, "daily: 2 weeks"),
        ("2032-02-29", Rule.SUNDAY, "Sunday: 3 months"),
        ("2023-01-01", Rule.FIRST_SUNDAY, "first Sunday of the month: 1 year"),
    ],
)
def test_a_day_falls_under_the_longest_rule(day: str, rule: Rule, words: str) -> None:
    assert rule_for(date.fromisoformat(day)) is rule
    assert rule.label == words


@pytest.mark.parametrize(
    ("created", "rule", "expires"),
    [
        ("2026-11-23 19:00", Rule.DAILY, "2026-12-07 19:00"),
        ("2028-02-20 00:00:01", Rule.DAILY, "2028-03-05 00:00:01"),
        ("2026-11-22 19:00", Rule.SUNDAY, "2027-02-22 19:00"),
        ("2025-11-30 22:00", Rule.SUNDAY, "2026-02-28 22:00"),
        ("2027-11-30 22:00", Rule.SUNDAY, "2028-02-29 22:00"),
        ("2027-01-31 23:59:59.999999", Rule.SUNDAY, "2027-04-30 23:59:59.999999"),
        ("2026-12-27 05:00", Rule.SUNDAY, "2027-03-27 05:00"),
        ("2026-11-01 19:00", Rule.FIRST_SUNDAY, "2027-11-01 19:00"),
        # A catch-up may carry a Sunday's rule on any day of the year.
        ("2028-02-29 07:30", Rule.FIRST_SUNDAY, "2029-02-28 07:30"),
    ],
)
def test_a_backup_expires_by_its_rule(created: str, rule: Rule, expires: str) -> None:
    assert expires_at(at(created), rule) == at(expires)


def test_a_rule_read_from_a_row_counts_like_the_rule() -> None:
    assert expires_at(at("2026-11-23 19:00"), "daily") == at("2026-12-07 19:00")  # type: ignore[arg-type]


def test_expiry_is_computed_in_utc() -> None:
    """29 November in Kathmandu is still the 28th in UTC, and February has a 28th."""
    assert expires_at(datetime(2026, 11, 29, 1, 0, tzinfo=KATHMANDU), Rule.SUNDAY) == at("2027-02-28 19:15")


def test_the_day_of_a_backup_is_the_utc_date_of_its_slot_else_of_the_request() -> None:
    late, slot = datetime(2026, 11, 23, 4, 0, tzinfo=KATHMANDU), at("2026-11-21 19:00")
    assert day_of(late) == date(2026, 11, 22)
    assert day_of(late, slot) == date(2026, 11, 21)


def test_the_longest_of_some_days_rules_wins_in_any_order() -> None:
    week = [date(2026, 11, 1) + timedelta(days=count) for count in range(8)]
    assert longest_rule(week) is longest_rule(reversed(week)) is Rule.FIRST_SUNDAY
    assert longest_rule(week[1:]) is Rule.SUNDAY
    assert longest_rule(week[1:7]) is Rule.DAILY


def test_months_are_added_over_the_end_of_the_year() -> None:
    assert add_months(at("2026-12-31 10:00"), 14) == at("2028-02-29 10:00")


def test_every_day_of_42_years_has_the_rule_and_expiry_of_the_naive_reading() -> None:
    moment, last = at("1999-01-01 22:00:30"), at("2040-12-31 23:00")
    while moment <= last:
        assert rule_for(moment.date()) == naive.rule(moment.date())
        assert [expires_at(moment, rule) for rule in Rule] == [naive.expiry(moment, rule) for rule in Rule]
        moment += timedelta(days=1)


def test_each_year_has_twelve_first_sundays_and_every_other_sunday_is_kept_shorter() -> None:
    for year in range(1999, 2041):
        days = [date(year, 1, 1) + timedelta(days=count) for count in range(365)]
        rules = [rule_for(day) for day in days if day.year == year]
        assert rules.count(Rule.FIRST_SUNDAY) == 12
        assert rules.count(Rule.SUNDAY) in (40, 41)
