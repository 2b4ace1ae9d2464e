"""How long an app is waited for when it is asked: whoever looks at a page is kept waiting less than a worker."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf

_most: ContextVar[float] = ContextVar("most", default=inf)


def at_most(seconds: float) -> float:
    """These seconds, or fewer where somebody waits."""
    return min(seconds, _most.get())


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """Let nobody be asked for longer than this, in this thread."""
    token = _most.set(seconds)
    try:
        yield
    finally:
        _most.reset(token)
