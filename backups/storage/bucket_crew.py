"""Many questions to a store at once, handed out from one thread that beats meanwhile."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self, TypeVar

HANDS = 16
WAITING = 2 * HANDS
TICK_SECONDS = 0.2
FRESH_SECONDS = 2.0
"""Whoever was frozen for longer may have been given up: it asks nothing before it has beaten again."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Ended(Exception):
    """The crew's work is over; what was still to be asked is not asked any more."""


class Crew:
    """Sixteen hands. `beat` is called at least every half second while anything is waited for; it may raise to end."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat, self._beaten, self._is_over = beat, time.monotonic(), False
        self._own = threading.get_ident()
        self._pool = ThreadPoolExecutor(HANDS, thread_name_prefix="bucket")

    def tick(self) -> None:
        """Beat. Raises what that raises."""
        self._beat()
        self._beaten = time.monotonic()

    def stop(self) -> None:
        """Let nothing more be asked."""
        self._is_over = True

    def check(self) -> None:
        """Right before each question: return when the last beat is fresh. Raises: Ended"""
        if threading.get_ident() == self._own:
            self.tick()
        while self._is_over or time.monotonic() - self._beaten > FRESH_SECONDS:
            if self._is_over:
                raise Ended
            time.sleep(TICK_SECONDS / 4)

    def begin(self, act: Callable[[Item], Result], item: Item) -> Future[Result]:
        """Let a hand do this when it is free."""
        return self._pool.submit(self._act, act, item)

    def _act(self, act: Callable[[Item], Result], item: Item) -> Result:
        self.check()
        return act(item)

    def some(self, waiting: set[Future[Result]]) -> list[Result]:
        """Results of those that have ended meanwhile, which leave `waiting`; perhaps none. Raises what they raised."""
        done, _ = wait(waiting, timeout=TICK_SECONDS, return_when=FIRST_COMPLETED)
        self.tick()
        waiting -= done
        return [one.result() for one in done]

    def each(self, act: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """What `act` returns for each, as they end. Few are taken from `items` before. Raises what they raise."""
        waiting: set[Future[Result]] = set()
        for item in items:
            waiting.add(self.begin(act, item))
            while len(waiting) >= WAITING:
                yield from self.some(waiting)
        while waiting:
            yield from self.some(waiting)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._pool.shutdown(cancel_futures=True)
