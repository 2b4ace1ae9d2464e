"""The lease of whoever brings an ended attempt to a whole end: kept from the work's own loop, and not for ever."""

import time

from django.db import connection

from ..models import Operation
from .attempt import Fenced, TimeUp
from .claim import AWAY, owned
from .periods import BEAT_SECONDS, LEASE_SECONDS, RECOVER_WITHIN_SECONDS, in_seconds


class Lease:
    """Held by the operation's present owner: the attempt itself, or the reaper that took it over."""

    def __init__(self, operation: Operation) -> None:
        """Renews it at once.

        Raises:
            Fenced: it is somebody else's by now.
        """
        self.operation = operation
        self._began = time.monotonic()
        self._end = self._began + LEASE_SECONDS
        self._renew()

    def beat(self) -> None:
        """Say that the work goes on. Cheap: call it in every loop. A work that hangs does not beat, and is followed.

        Raises:
            Fenced: somebody else goes on with it; do nothing any more.
            TimeUp: it went on for far too long; whoever comes next begins where this one was.
        """
        if time.monotonic() - self._began > RECOVER_WITHIN_SECONDS:
            raise TimeUp
        if time.monotonic() - self._beaten >= BEAT_SECONDS:
            self._renew()

    def _renew(self) -> None:
        began = self._beaten = time.monotonic()
        try:
            is_ours = owned(self.operation).update(lease_until=in_seconds(LEASE_SECONDS))
        except AWAY:
            connection.close()
            if began > self._end:
                raise Fenced from None
            return
        if not is_ours:
            raise Fenced
        self._end = began + LEASE_SECONDS
