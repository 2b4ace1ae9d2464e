"""Arguments that several commands have; what cannot be read is wrong usage."""

from argparse import ArgumentTypeError
from datetime import UTC, date, datetime, time


def a_moment(text: str) -> datetime:
    """A moment written by ISO 8601; UTC where it does not say."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ArgumentTypeError(f"{text!r} is not a moment; write it as 2026-11-25T19:00Z") from None


def an_end(text: str) -> datetime:
    """A moment, or a date: then its end, UTC."""
    try:
        return datetime.combine(date.fromisoformat(text), time(23, 59, 59), tzinfo=UTC)
    except ValueError:
        return a_moment(text)
