"""Streams: downloads that this process sends itself. Each holds a thread; one person's are few, so some are left."""

import threading
import weakref
from collections.abc import Iterator

from django.conf import settings

from environments.errors import TooMuchAtOnce

_under_way: "weakref.WeakSet[Stream]" = weakref.WeakSet()
_counting = threading.Lock()


class Stream:
    """Bytes on their way to one person, until it is closed; one that nobody holds any more does not count either."""

    def __init__(self, person: object, pieces: Iterator[bytes]) -> None:
        """`person`: the key of who gets them. Raises: TooMuchAtOnce"""
        self.person, self._pieces = person, pieces
        most = settings.DOWNLOADS_PER_PERSON
        with _counting:
            if sum(one.person == person for one in _under_way) >= most:
                raise TooMuchAtOnce(
                    f"Downloads of yours under way here: {most}, as many as one person may have at once. Nothing of "
                    "this one was sent; wait until one has ended, or stop one, then try again."
                )
            _under_way.add(self)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """Called by the server at the end of the response, whatever became of it."""
        try:
            if close := getattr(self._pieces, "close", None):
                close()
        finally:
            with _counting:
                _under_way.discard(self)
