"""Who is killed, and when: a worker, all of them, a server's session, a program, a reaper over its recovery.

And who is only frozen until everybody has given it up; and a worker that clears up after a first blow.
"""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable

from backups.operations.exchange import place_of
from environments.choices import Status
from environments.lifecycle.reaper import LOST
from environments.models import Operation
from tests.workers import Workers, eventually, offspring_of

LOOK_SECONDS = 0.01
# Where half of all kills is aimed at: around the swap.
AIMS = ("Seeing that the app is stopped", "Stopping the app", "Exchanging the data", "Starting the app")
LOADING = "Loading the database beside the live one"
END_SESSIONS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND (application_name ~ '^(op-|portal)' OR usename ~ '^portal_load')"""


class Killer:
    """Kills by a seed. `start` starts workers; it keeps some running whatever it does."""

    def __init__(self, chance: random.Random, start: Callable[[], Workers]) -> None:
        self.chance, self._start = chance, start
        self.workers = start()

    def revive(self) -> None:
        """What whoever runs the portal has for that: systemd starts `work` again when it has ended."""
        if self.workers.process.poll() is not None:
            self.workers.kill()
            self.workers = self._start()

    def kill_all(self) -> None:
        self.workers.kill()

    def strike(self, operation: Operation, victim: str, lasts: float) -> bool:
        """Kill the victim while the operation runs, which usually lasts so many seconds. False: it had ended."""
        if not self._wait_for_moment(operation, lasts, LOADING if victim == "child" else ""):
            return False
        return bool(getattr(self, f"_kill_{victim}")(operation))

    def _wait_for_moment(self, operation: Operation, lasts: float, aim: str) -> bool:
        seconds = self.chance.uniform(0, 0.1 if aim else lasts)
        if not aim and self.chance.random() < 1 / 2:
            aim, seconds = self.chance.choice(AIMS), self.chance.uniform(0, 0.6)
        while not self._ended(operation):
            if operation.status == Status.RUNNING and aim in operation.phase:
                time.sleep(seconds)
                return not self._ended(operation)
            self.revive()
            time.sleep(LOOK_SECONDS)
        return False

    def _kill_worker(self, operation: Operation) -> bool:
        pid = int(operation.owner.rpartition("|")[2] or 0)
        if operation.owner.startswith(LOST) or not pid:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return True

    def _kill_frozen(self, operation: Operation) -> bool:
        pid = int(operation.owner.rpartition("|")[2] or 0)
        if operation.owner.startswith(LOST) or not pid:
            return False
        os.kill(pid, signal.SIGSTOP)
        try:
            eventually(lambda: self._ended(operation), within=150)
        finally:
            os.kill(pid, signal.SIGCONT)
        time.sleep(1)
        return True

    def _kill_twice(self, operation: Operation) -> bool:
        if not self._kill_backend(operation):
            return False
        time.sleep(self.chance.uniform(0, 0.5))
        return not self._ended(operation) and self._kill_worker(operation)

    def _kill_group(self, _: Operation) -> bool:
        self.kill_all()
        self.revive()
        return True

    def _kill_backend(self, operation: Operation) -> bool:
        while not self._ended(operation):
            with place_of(operation.environment).beside() as connection:
                if connection.execute(END_SESSIONS).fetchall():
                    return True
            time.sleep(LOOK_SECONDS)
        return False

    def _kill_child(self, operation: Operation) -> bool:
        while not self._ended(operation):
            guard = operation.child.partition("|")[0]
            if family := offspring_of(int(guard)) if guard else []:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(family[0], signal.SIGKILL)
                return True
            time.sleep(LOOK_SECONDS)
        return False

    def _kill_reaper(self, operation: Operation) -> bool:
        self._kill_group(operation)
        while not self._ended(operation):
            if operation.owner.startswith(LOST):
                time.sleep(self.chance.uniform(0, 0.5))
                self._kill_group(operation)
                return True
            time.sleep(LOOK_SECONDS)
        return False

    def _ended(self, operation: Operation) -> bool:
        operation.refresh_from_db()
        return operation.is_ended
