"""One attempt at an operation: it beats, it says how far it is, and it learns there that it is to end."""

import time
from typing import Any

from django.db import connection

from .. import clock
from ..models import Operation
from ..programs import worked_ticks
from . import drain
from .claim import AWAY, owned
from .periods import BEAT_SECONDS, LEASE_SECONDS, in_seconds


class Interrupted(Exception):
    """The attempt is to end now, not by its own fault. Never swallow it: clean up with `finally`."""


class Cancelled(Interrupted):
    """Somebody wishes it to end; the text is the name."""


class TimeUp(Interrupted):
    """The operation's time limit is over."""


class Fenced(Interrupted):
    """It is no longer ours: somebody else may be at it. Write nothing any more."""


class Drained(Interrupted):
    """The worker is being stopped; somebody else will begin again."""


class Unsettled(Interrupted):
    """It failed, and could not be brought to a whole end either. Whoever takes it over goes on."""


class Attempt:
    """What `Kind.perform` is handed."""

    def __init__(self, operation: Operation, began: float) -> None:
        """`began`: a monotonic moment no later than the claim, from which the lease is counted."""
        self.operation = operation
        self.number = operation.attempt
        self.label = operation.label
        # Whether somebody else may begin again when the worker is stopped; a kind may say so of its first part alone.
        self.may_begin_again = operation.may_repeat
        self._beaten = self._began = began
        self._lease_end = self._began + LEASE_SECONDS
        self._progress: dict[str, Any] = {}
        self._seen: tuple[object, ...] = ()

    def beat(
        self,
        phase: str | None = None,
        *,
        step: int | None = None,
        steps: int | None = None,
        done_bytes: int | None = None,
        total_bytes: int | None = None,
    ) -> None:
        """Say that the work goes on, and how far it is. Cheap: call it in every loop, at least once a second.

        At most one UPDATE in five seconds, and one at once when phase or step changes. Never inside a transaction.

        Raises:
            Cancelled, TimeUp, Fenced, Drained: stop here.
        """
        is_new = self._note(phase, step, steps, done_bytes, total_bytes)
        if drain.is_on() and self.may_begin_again:
            raise Drained
        if time.monotonic() - self._began > self.operation.time_limit_seconds:
            raise TimeUp
        if is_new or time.monotonic() - self._beaten >= BEAT_SECONDS:
            self._write()

    def check_owned(self) -> None:
        """Beat right now, and do not return before the database has said that it is still ours.

        Raises:
            Cancelled, Fenced
        """
        while not self._write():
            time.sleep(BEAT_SECONDS / 10)

    def holds_child(self, child: str) -> None:
        """Remember the guarded program (`Program.child`), so that the reaper can end it when this process is lost.

        Raises:
            Fenced
        """
        self._progress["child"] = child
        self._write()

    def _note(
        self, phase: str | None, step: int | None, steps: int | None, done: int | None, total: int | None
    ) -> bool:
        noted = self._progress
        is_new = phase not in (None, noted.get("phase")) or step not in (None, noted.get("step"))
        if is_new:
            noted |= {"percent": None, "done_bytes": None, "total_bytes": None}
        given = {"phase": phase and phase[:100], "step": step, "steps": steps, "done_bytes": done, "total_bytes": total}
        noted |= {name: value for name, value in given.items() if value is not None}
        done, total = noted.get("done_bytes"), noted.get("total_bytes")
        if total and done is not None:
            noted["percent"] = min(100, 100 * done // total)
        return is_new

    def _has_moved(self) -> bool:
        """Whether anything got further since the last beat: the words, the bytes, or the program that runs for it."""
        noted = self._progress
        seen = tuple(noted.get(name) for name in ("phase", "step", "done_bytes"))
        seen, before = (*seen, worked_ticks(noted.get("child") or "")), self._seen
        self._seen = seen
        return seen != before

    def _write(self) -> bool:
        """Renew the lease. False: the database is away, and the lease not yet over."""
        began = time.monotonic()
        try:
            moved = {"moved_at": clock.database_now()} if self._has_moved() else {}
            is_ours = owned(self.operation).update(lease_until=in_seconds(LEASE_SECONDS), **self._progress, **moved)
            wish = Operation.objects.values_list("cancelled_by_name", flat=True).get(pk=self.operation.pk)
        except AWAY:
            connection.close()
            if time.monotonic() > self._lease_end:  # somebody else may have taken over
                raise Fenced from None
            self._beaten = began - BEAT_SECONDS * 0.8  # try again soon
            return False
        if not is_ours:
            raise Fenced
        # Counted from before the statement: the database's lease ends no earlier than ours.
        self._beaten, self._lease_end = began, began + LEASE_SECONDS
        if wish:
            raise Cancelled(wish)
        return True
