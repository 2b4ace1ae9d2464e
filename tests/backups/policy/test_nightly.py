"""Slots, which one is due, its tries, its spread."""

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backups.choices import Rule
from backups.policy.nightly import (
    Due,
    due_slot,
    local_start,
    next_slot,
    retry_at,
    retry_in_words,
    slot_on,
    slots_between,
    spread_at,
)

from . import naive
from .histories import IS_THOROUGH

SEVEN = time(19, 0)
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


LONG_AGO = at("2026-01-01 00:00")


def due(now: str, *made: str, existed: datetime = LONG_AGO, on: datetime | None = LONG_AGO) -> Due | None:
    return due_slot(
        existed_since=existed, nightly_since=on, made=[at(slot) for slot in made], now=at(now), starts_at=SEVEN
    )


@pytest.mark.parametrize(
    ("zone", "starts_at", "summer", "winter"),
    [
        ("Europe/Amsterdam", time(22, 0), "00:00", "23:00"),
        ("Europe/Amsterdam", time(19, 0), "21:00", "20:00"),
        ("America/New_York", time(5, 0), "01:00", "00:00"),
        ("America/New_York", time(1, 0), "21:00", "20:00"),
        ("Asia/Tokyo", time(16, 0), "01:00", "01:00"),
        ("Asia/Kathmandu", time(19, 0), "00:45", "00:45"),
    ],
)
def test_the_utc_time_rules_and_local_time_follows(zone: str, starts_at: time, summer: str, winter: str) -> None:
    for day, shown in ((date(2026, 7, 14), summer), (date(2026, 12, 14), winter)):
        assert slot_on(day, starts_at) == datetime.combine(day, starts_at, tzinfo=UTC)
        assert local_start(day, starts_at, zone) == shown


def test_slots_between_leave_out_the_first_moment_and_take_the_last() -> None:
    assert slots_between(at("2028-02-27 19:00"), at("2028-03-01 19:00"), SEVEN) == [
        at("2028-02-28 19:00"),
        at("2028-02-29 19:00"),
        at("2028-03-01 19:00"),
    ]
    assert slots_between(at("2026-12-31 19:00"), at("2027-01-01 18:59"), SEVEN) == []
    assert slots_between(at("2026-12-31 20:00"), at("2026-12-30 20:00"), SEVEN) == []


@pytest.mark.parametrize("hours", [-11, 0, 11])
def test_slots_are_of_utc_days_whatever_zone_the_moments_are_in(hours: int) -> None:
    def there(text: str) -> datetime:
        return at(text).astimezone(timezone(timedelta(hours=hours)))

    evening, night = time(19, 0), time(0, 15)
    assert slots_between(there("2026-11-22 18:00"), there("2026-11-22 23:00"), evening) == [at("2026-11-22 19:00")]
    assert slots_between(there("2026-11-22 23:30"), there("2026-11-23 00:30"), night) == [at("2026-11-23 00:15")]
    assert next_slot(there("2026-11-22 18:00"), evening) == at("2026-11-22 19:00")
    assert next_slot(there("2026-11-22 00:01"), evening) == at("2026-11-22 19:00")
    assert retry_in_words(there("2026-11-23 19:10:40"), 1) == "try 2 of 3 at 19:10"


def test_the_next_slot_is_later_than_now() -> None:
    assert next_slot(at("2026-11-23 18:59:59"), SEVEN) == at("2026-11-23 19:00")
    assert next_slot(at("2026-11-23 19:00"), SEVEN) == at("2026-11-24 19:00")


def test_a_slot_is_due_from_its_very_moment_and_once() -> None:
    assert due("2026-11-23 18:59:59", "2026-11-22 19:00") is None
    assert due("2026-11-23 19:00", "2026-11-22 19:00") == Due(
        at("2026-11-23 19:00"), (at("2026-11-23 19:00"),), is_late=False
    )
    assert due("2026-11-23 19:00", "2026-11-23 19:00", "2026-11-22 19:00") is None


@pytest.mark.parametrize(("now", "words"), [("19:09:59", ""), ("19:10:00", "late"), ("23:30:00", "late")])
def test_a_slot_found_ten_minutes_after_it_is_late(now: str, words: str) -> None:
    assert str(due(f"2026-11-23 {now}", "2026-11-22 19:00")) == words


def test_a_week_off_makes_one_backup_that_stands_for_all_and_carries_the_longest_rule() -> None:
    found = due("2026-11-04 07:00", "2026-10-28 19:00")
    assert found
    assert found.slot_at == at("2026-11-03 19:00")
    assert [slot.day for slot in found.stands_for] == [29, 30, 31, 1, 2, 3]
    assert found.rule is Rule.FIRST_SUNDAY
    assert str(found) == "late, for 6 nights since 2026-10-29"


def test_back_right_at_the_slot_after_an_outage_is_still_one_for_all_and_late() -> None:
    found = due("2026-11-23 19:00", "2026-11-20 19:00")
    assert found
    assert (found.slot_at, len(found.stands_for), found.is_late) == (at("2026-11-23 19:00"), 3, True)
    assert found.rule is Rule.SUNDAY


def test_slots_from_before_the_environment_existed_are_never_due() -> None:
    assert due("2026-11-23 19:30", existed=at("2026-11-23 19:00:00.000001")) is None
    assert due("2026-11-23 19:30", existed=at("2026-11-23 19:00"))
    found = due("2026-11-23 19:30", existed=at("2026-11-22 12:00"))
    assert found
    assert len(found.stands_for) == 2


def test_slots_while_nightly_was_off_are_never_due() -> None:
    assert due("2026-11-23 19:30", "2026-11-01 19:00", on=None) is None
    assert due("2026-11-23 19:30", "2026-11-01 19:00", on=at("2026-11-23 19:15")) is None
    found = due("2026-11-24 19:00", "2026-11-01 19:00", on=at("2026-11-23 19:15"))
    assert found
    assert found.stands_for == (at("2026-11-24 19:00"),)


def test_a_slot_made_by_a_clock_that_was_ahead_hides_no_earlier_one() -> None:
    assert due("2026-11-23 19:00", "2026-11-22 19:00", "2036-11-22 19:00") == due(
        "2026-11-23 19:00", "2026-11-22 19:00"
    )


def test_a_clock_put_back_makes_no_slot_again() -> None:
    made = [f"2026-11-{day} 19:00" for day in (20, 21, 22, 23)]
    for now in ("2026-11-22 18:00", "2026-11-22 19:00", "2026-11-23 18:59", "2026-11-23 19:00"):
        assert due(now, *made) is None


def test_a_moved_environment_follows_its_new_region_from_then_on() -> None:
    """From Europe at 19:00 to the US at 01:00, on the 23rd at noon."""

    def after_the_move(now: str) -> Due | None:
        return due_slot(
            existed_since=LONG_AGO,
            nightly_since=at("2026-11-23 12:00"),
            made=[at("2026-11-22 19:00")],
            now=at(now),
            starts_at=time(1, 0),
        )

    assert after_the_move("2026-11-23 12:01") is None
    assert after_the_move("2026-11-23 19:01") is None
    found = after_the_move("2026-11-24 01:00")
    assert found
    assert found.stands_for == (at("2026-11-24 01:00"),)


def test_a_failed_nightly_is_tried_twice_more_after_10_and_30_minutes() -> None:
    failed_at = at("2026-11-23 19:00:40")
    assert retry_at(failed_at, 1) == at("2026-11-23 19:10:40")
    assert retry_at(failed_at, 2) == at("2026-11-23 19:30:40")
    assert retry_at(failed_at, 3) is None
    assert retry_in_words(at("2026-11-23 19:10:40"), 1) == "try 2 of 3 at 19:10"
    assert retry_in_words(at("2026-11-24 00:05"), 2) == "try 3 of 3 at 00:05"


def test_environments_of_one_region_start_five_seconds_apart() -> None:
    slot = at("2026-11-23 19:00")
    assert [spread_at(slot, place) for place in (0, 1, 49)] == [
        slot,
        slot + timedelta(seconds=5),
        slot + timedelta(minutes=4, seconds=5),
    ]


moments = st.datetimes(datetime(2024, 1, 1), datetime(2024, 4, 1), timezones=st.just(UTC))  # noqa: DTZ001
minutes = st.builds(time, st.integers(0, 23), st.integers(0, 59))


@settings(max_examples=20_000 if IS_THOROUGH else 500, deadline=None, derandomize=True, database=None)
@given(
    existed=moments,
    on=moments,
    now=moments,
    starts_at=minutes,
    made_on=st.sets(st.dates(date(2024, 1, 1), date(2024, 4, 10)), max_size=12),
    is_on_the_slot=st.booleans(),
)
def test_what_is_due_is_what_the_naive_reading_misses(
    existed: datetime, on: datetime, now: datetime, starts_at: time, made_on: set[date], is_on_the_slot: bool
) -> None:
    made = [slot_on(day, starts_at) for day in made_on]
    now = slot_on(now.date(), starts_at) if is_on_the_slot else now
    found = due_slot(existed_since=existed, nightly_since=on, made=made, now=now, starts_at=starts_at)
    missing = naive.missing(existed, on, made, now, starts_at)
    assert list(found.stands_for if found else ()) == missing
    if found:
        assert found.slot_at == missing[-1]
        assert found.rule == naive.longest(slot.date() for slot in missing)
        assert found.is_late == (len(missing) > 1 or now >= found.slot_at + 10 * MINUTE)
