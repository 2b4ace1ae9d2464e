"""Moments and days as people write them on the command line."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from environments.management.arguments import a_moment, an_end

SEVEN = datetime(2026, 11, 25, 19, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-11-25T19:00Z", "2026-11-25T19:00:00+00:00", "2026-11-25 19:00", "2026-11-25T20:00+01:00"]
)
def test_a_moment_is_utc_where_it_does_not_say(text: str) -> None:
    assert a_moment(text) == an_end(text) == SEVEN


def test_a_day_lasts_until_its_end() -> None:
    assert an_end("2026-11-25") == datetime(2026, 11, 25, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01", "2026-02-30", "25.11.2026", "0001-01-01T00:00+23:59"])
@pytest.mark.parametrize("read", [a_moment, an_end])
def test_what_is_none_is_wrong_usage(read: Callable[[str], datetime], text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is not a moment"):
        read(text)
