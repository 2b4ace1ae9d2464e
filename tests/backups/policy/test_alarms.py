"""Which nights are missing, and which backups shrank."""

from datetime import UTC, datetime, time, timedelta

import pytest

from backups.policy.alarms import missed_slot, shrank_to

SLOT = datetime(2026, 11, 25, 19, 0, tzinfo=UTC)
DAY = timedelta(days=1)
LONG_AGO = SLOT - 300 * DAY


def missed(
    now: datetime, last: datetime | None = SLOT - DAY, since: datetime = LONG_AGO
) -> tuple[datetime, int] | None:
    return missed_slot(since=since, last=last, now=now, starts_at=time(19, 0))


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (timedelta(0), None),
        (timedelta(hours=1, minutes=59, seconds=59), None),
        (timedelta(hours=2), (SLOT, 1)),
        (timedelta(hours=25), (SLOT, 1)),
        (timedelta(days=3, hours=2), (SLOT + 3 * DAY, 4)),
    ],
    ids=str,
)
def test_a_night_is_missing_two_hours_after_its_slot(after: timedelta, expected: tuple[datetime, int] | None) -> None:
    assert missed(SLOT + after) == expected


def test_one_that_was_asked_for_is_not_missing() -> None:
    assert missed(SLOT + timedelta(hours=20), last=SLOT) is None


@pytest.mark.parametrize(("since", "count"), [(SLOT, 1), (SLOT + timedelta(seconds=1), 0), (SLOT - 2 * DAY, 3)])
def test_nights_from_before_the_schedule_held_are_not_missing(since: datetime, count: int) -> None:
    found = missed(SLOT + timedelta(hours=2), last=None, since=since)

    assert found == ((SLOT, count) if count else None)


@pytest.mark.parametrize(
    ("size", "earlier", "share"),
    [
        (19, [100, 100, 100], 0.19),
        (20, [100, 100, 100], None),
        (0, [100, 1, 100], 0.0),
        (5, [100, 100], None),  # too few to tell
        (0, [0, 0, 0], None),
        (1, [100] * 5 + [1] * 5, 1 / 50.5),
        (1, [1] * 10 + [100] * 90, None),  # what is older counts no more
    ],
)
def test_a_backup_shrank_below_a_fifth_of_the_median(size: int, earlier: list[int], share: float | None) -> None:
    assert shrank_to(size, earlier) == share
