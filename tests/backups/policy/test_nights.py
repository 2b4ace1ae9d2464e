"""What became of the last 30 nights, as on the cards of the home page."""

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest

from backups.policy.nightly import NightState, night_states, nights_in_words
from environments.choices import Status

NOW = datetime(2026, 11, 23, 14, 32, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
SEVEN = time(19, 0)


def slots(first: date, last: date, starts_at: time = SEVEN) -> list[datetime]:
    days = [first + timedelta(days=count) for count in range((last - first).days + 1)]
    return [datetime.combine(day, starts_at, tzinfo=UTC) for day in days]


def made(first: date, last: date, starts_at: time = SEVEN) -> dict[datetime, str]:
    return dict.fromkeys(slots(first, last, starts_at), Status.COMPLETED)


OCTOBER_25, YESTERDAY, TODAY = date(2026, 10, 25), date(2026, 11, 22), date(2026, 11, 23)
ALL_MADE = made(OCTOBER_25, YESTERDAY)


def strip(
    outcomes: dict[datetime, str],
    *,
    now: datetime = NOW,
    existed: datetime = LONG_AGO,
    on: datetime | None = LONG_AGO,
    starts_at: time = SEVEN,
) -> tuple[list[str], str]:
    nights = night_states(outcomes.items(), existed_since=existed, nightly_since=on, now=now, starts_at=starts_at)
    assert [night.day for night in nights] == [OCTOBER_25 + timedelta(days=count) for count in range(30)]
    return [str(night.state) for night in nights], nights_in_words(nights)


def test_a_failed_night_and_one_to_come() -> None:
    states, words = strip(ALL_MADE | {slots(YESTERDAY, YESTERDAY)[0]: Status.FAILED})
    assert states == ["made"] * 28 + ["failed", "to come"]
    assert words == "28 made, 1 failed"


def test_missed_nights() -> None:
    off = set(slots(date(2026, 11, 7), date(2026, 11, 9)))
    states, words = strip({slot: status for slot, status in ALL_MADE.items() if slot not in off})
    assert states == ["made"] * 13 + ["missed"] * 3 + ["made"] * 13 + ["to come"]
    assert words == "26 made, 3 missed"


def test_an_environment_that_was_not_there_yet() -> None:
    states, words = strip(made(date(2026, 11, 9), YESTERDAY), existed=datetime(2026, 11, 9, 8, 0, tzinfo=UTC))
    assert states == ["environment was not there yet"] * 15 + ["made"] * 14 + ["to come"]
    assert words == "14 made, since 9 Nov"


def test_a_night_of_this_utc_morning_is_made_already() -> None:
    states, words = strip(made(OCTOBER_25, TODAY, time(1, 0)), starts_at=time(1, 0))
    assert states == ["made"] * 30
    assert words == "30 made"


@pytest.mark.parametrize(
    ("minutes", "state"), [(-1, "to come"), (0, "to come"), (119, "to come"), (120, "missed"), (299, "missed")]
)
def test_a_night_is_missed_two_hours_after_its_slot(minutes: int, state: str) -> None:
    now = datetime(2026, 11, 23, 19, 0, tzinfo=UTC) + timedelta(minutes=minutes)
    assert strip(ALL_MADE, now=now)[0][-1] == state


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING])
def test_a_night_under_way_is_still_to_come(status: Status) -> None:
    now = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    assert strip(ALL_MADE | {slots(TODAY, TODAY)[0]: status}, now=now)[0][-1] == "to come"


def test_nights_while_nightly_was_off_are_not_missed() -> None:
    states, words = strip(made(OCTOBER_25, date(2026, 11, 1)), on=datetime(2026, 11, 22, 20, 0, tzinfo=UTC))
    assert states == ["made"] * 8 + ["nightly backups were off"] * 21 + ["to come"]
    assert words == "8 made"
    assert strip({}, on=None) == (["nightly backups were off"] * 30, "none yet")


def test_nights_before_a_move_to_another_region_keep_their_dates() -> None:
    """Made at 22:00 until the 20th, at 19:00 since; the 10th twice, the second time in vain."""
    outcomes = made(OCTOBER_25, date(2026, 11, 20), time(22, 0)) | made(date(2026, 11, 21), YESTERDAY)
    outcomes[datetime(2026, 11, 10, 19, 0, tzinfo=UTC)] = Status.FAILED
    assert strip(outcomes)[0] == ["made"] * 29 + ["to come"]


@pytest.mark.parametrize("hours", [-11, 11])
def test_nights_are_utc_dates_whatever_zone_the_moments_are_in(hours: int) -> None:
    there = timezone(timedelta(hours=hours))
    outcomes = {slot.astimezone(there): status for slot, status in ALL_MADE.items()}
    assert strip(outcomes, now=NOW.astimezone(there))[0] == ["made"] * 29 + ["to come"]


def test_every_state_has_a_word_of_its_own() -> None:
    assert len({state.value for state in NightState}) == len(NightState) == 6
