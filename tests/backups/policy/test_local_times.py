"""The next nightly in words: as in the pictures, and over clock changes in zones with odd offsets."""

import time as clocks
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import pytest

from backups.policy.nightly import SlotWords, local_start, next_slot_in_words, next_slot_words

from .histories import IS_THOROUGH, a_moment

ZONES = {
    "Europe/Amsterdam": "Amsterdam",
    "Europe/Berlin": "Berlin",
    "America/New_York": "New York",
    "America/Sao_Paulo": "São Paulo",
    "America/St_Johns": "St John’s",
    "Asia/Kathmandu": "Kathmandu",
    "Asia/Tokyo": "Tokyo",
    "Australia/Lord_Howe": "Lord Howe",
    "Pacific/Apia": "Apia",
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "starts_at", "zone", "words"),
    [
        # The pictures
        ("2026-11-23 14:32", "19:00", "Europe/Amsterdam", "today at 19:00 UTC (20:00 Amsterdam)"),
        ("2026-11-23 14:32", "22:00", "Europe/Amsterdam", "today at 22:00 UTC (23:00 Amsterdam)"),
        ("2026-11-23 14:32", "16:00", "Asia/Tokyo", "today at 16:00 UTC (01:00 tomorrow, Tokyo)"),
        ("2026-11-23 14:32", "01:00", "America/New_York", "tomorrow at 01:00 UTC (20:00 today, New York)"),
        # Summer
        ("2026-07-14 20:00", "22:00", "Europe/Amsterdam", "today at 22:00 UTC (00:00 tomorrow, Amsterdam)"),
        ("2026-07-14 20:00", "19:00", "Europe/Amsterdam", "tomorrow at 19:00 UTC (21:00 Amsterdam)"),
        # Its people are already in the slot's day
        ("2026-11-23 15:30", "16:00", "Asia/Tokyo", "today at 16:00 UTC (01:00 Tokyo)"),
        # The slot itself: the next one is tomorrow's
        ("2026-11-23 19:00", "19:00", "Europe/Amsterdam", "tomorrow at 19:00 UTC (20:00 Amsterdam)"),
        # The clocks change before it comes
        ("2026-03-28 20:00", "19:00", "Europe/Amsterdam", "tomorrow at 19:00 UTC (21:00 Amsterdam)"),
        ("2026-10-24 20:00", "19:00", "Europe/Amsterdam", "tomorrow at 19:00 UTC (20:00 Amsterdam)"),
        ("2018-11-03 21:00", "20:00", "America/Sao_Paulo", "tomorrow at 20:00 UTC (18:00 São Paulo)"),
        ("2026-11-23 14:32", "18:20", "Asia/Kathmandu", "today at 18:20 UTC (00:05 tomorrow, Kathmandu)"),
        ("2026-04-04 12:00", "15:30", "Australia/Lord_Howe", "today at 15:30 UTC (02:00 tomorrow, Lord Howe)"),
        ("2026-10-03 12:00", "15:30", "Australia/Lord_Howe", "today at 15:30 UTC (02:30 tomorrow, Lord Howe)"),
        # Neither today nor tomorrow over there
        ("2026-03-28 22:30:01", "22:30", "Europe/Berlin", "tomorrow at 22:30 UTC (00:30 on 2026-03-30, Berlin)"),
        ("2011-12-30 08:00", "10:30", "Pacific/Apia", "today at 10:30 UTC (00:30 on 2011-12-31, Apia)"),
    ],
)
def test_the_next_slot_is_said_in_utc_and_by_the_regions_calendar(
    now: str, starts_at: str, zone: str, words: str
) -> None:
    assert next_slot_in_words(at(now), time.fromisoformat(starts_at), zone, ZONES[zone]) == words


def test_the_parts_are_there_for_a_card() -> None:
    assert next_slot_words(at("2026-11-23 14:32"), time(1, 0), "America/New_York", "New York") == SlotWords(
        day="tomorrow", time="01:00 UTC", local="20:00 today, New York"
    )


@pytest.fixture
def local_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[datetime, str], datetime]]:
    """The wall time of a zone as the C library tells it: a second reading of the zone's rules."""

    def told(moment: datetime, zone: str) -> datetime:
        monkeypatch.setenv("TZ", zone)
        clocks.tzset()
        return datetime(*clocks.localtime(moment.timestamp())[:5])  # noqa: DTZ001

    yield told
    monkeypatch.undo()
    clocks.tzset()


def _changes(zone: str, local_time: Callable[[datetime, str], datetime]) -> list[datetime]:
    """The noons in UTC of 1999 to 2040 before which, within a day, the zone's clocks changed."""
    noons = [datetime(1999, 1, 1, 12, tzinfo=UTC) + timedelta(days=count) for count in range(42 * 365)]
    offsets = [local_time(noon, zone) - noon.replace(tzinfo=None) for noon in noons]
    return [noon for noon, before, after in zip(noons[1:], offsets, offsets[1:], strict=False) if before != after]


def _expected(now: datetime, slot: datetime, city: str, here_now: datetime, here_then: datetime) -> str:
    calls = {0: "today", 1: "tomorrow"}
    day = calls[(slot.date() - now.date()).days]
    over_there = calls.get((here_then.date() - here_now.date()).days, f"on {here_then.date()}")
    between = " " if over_there == day else f" {over_there}, "
    return f"{day} at {slot:%H:%M} UTC ({here_then:%H:%M}{between}{city})"


@pytest.mark.hypothesis  # for `make properties`
@pytest.mark.parametrize("zone", ZONES)
def test_local_words_follow_the_zone_over_42_years(zone: str, local_time: Callable[[datetime, str], datetime]) -> None:
    random, changes = Random(zone), _changes(zone, local_time)
    for number in range(3_000 if IS_THOROUGH else 300):
        near = random.choice(changes) if changes and number % 2 else a_moment(random)
        now = near + timedelta(hours=random.uniform(-40, 30))
        starts_at = time(random.randrange(24), random.randrange(60))
        slot = next(at for at in _ahead(now, starts_at) if at > now)
        here_now, here_then = local_time(now, zone), local_time(slot, zone)
        assert next_slot_in_words(now, starts_at, zone, ZONES[zone]) == _expected(
            now, slot, ZONES[zone], here_now, here_then
        )
        assert local_start(slot.date(), starts_at, zone) == f"{here_then:%H:%M}"


def _ahead(now: datetime, starts_at: time) -> list[datetime]:
    return [datetime.combine(now.date() + timedelta(days=count), starts_at, tzinfo=UTC) for count in range(2)]


def test_one_slot_a_utc_day_over_clock_changes() -> None:
    """Whatever the region's clocks do, 22:00 UTC stays 22:00 UTC; only what people read moves."""
    shown = {local_start(date(2026, 1, 1) + timedelta(days=count), time(22), "Europe/Berlin") for count in range(730)}
    assert shown == {"23:00", "00:00"}
    halves = {
        local_start(date(2026, 1, 1) + timedelta(days=count), time(22), "Australia/Lord_Howe") for count in range(730)
    }
    assert halves == {"09:00", "08:30"}
