"""Which bytes a request asks for."""

import re
from typing import NamedTuple

ONE_RANGE = re.compile(r"bytes=\s*(\d{0,19})-(\d{0,19})\s*", re.ASCII | re.IGNORECASE)


class Span(NamedTuple):
    """Bytes from `start` up to, not with, `stop`."""

    start: int
    stop: int


class NotSatisfiable(Exception):
    """The range begins behind the end."""


def span_of(wanted: str, length: int) -> Span | None:
    """The bytes that a Range header asks for out of so many; None: it is to be passed over, and all are sent.

    Passed over are several ranges at once, other units, and what is no range at all, as RFC 9110 allows.

    Raises:
        NotSatisfiable
    """
    found = ONE_RANGE.fullmatch(wanted.strip())
    if found is None or found[1] == found[2] == "":
        return None
    first, last = found[1], found[2]
    if not first:
        start, stop = max(length - int(last), 0), length
    else:
        start, stop = int(first), min(int(last) + 1, length) if last else length
        if last and int(last) < start:
            return None
    if start >= stop:
        raise NotSatisfiable
    return Span(start, stop)
