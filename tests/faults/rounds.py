"""Rounds: an operation, a kill at a random moment, and what must be true afterwards."""

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psycopg

from backups.choices import UploadPart
from backups.models import Backup
from backups.operations.exchange import place_of
from backups.operations.generations import last_generation
from backups.operations.restore import request_restore
from backups.operations.undo import request_undo
from backups.operations.upload import request_upload
from environments.choices import State, Status
from environments.lifecycle.periods import in_seconds
from environments.lifecycle.reaper import reap
from environments.models import AppService, Environment, Operation
from tests.backups.uploaded import BY, bring, conninfo, leftovers, state
from tests.workers import Workers, eventually

from .victims import Killer
from .watched import WatchedApp, programs_of

WITHIN_SECONDS = 150
KINDS = ("restore", "undo", "upload")
VICTIMS = ("worker", "group", "backend", "child", "reaper", "frozen", "twice")
OLD, NEW = "old", "new"


class Holding(NamedTuple):
    """A whole live state: database, files, package, services."""

    data: object
    package: int | None
    services: list[tuple[str, str]]


class Brought(NamedTuple):
    """What an upload round brings, and what a database and files then hold."""

    dump: bytes
    files: bytes
    data: object


class Rounds:
    """One environment, one app, and one killer, for as many rounds as wanted."""

    def __init__(
        self,
        environment: Environment,
        app: WatchedApp,
        backup: Backup,
        brought: Brought,
        start: Callable[[], Workers],
        seed: int,
        *,
        is_hurried: bool,
    ) -> None:
        self.environment, self.app, self.backup, self.brought = environment, app, backup, brought
        self.is_hurried, self.package = is_hurried, environment.package
        self.chance = random.Random(seed)
        self.killer = Killer(self.chance, start)
        self.lasts = dict.fromkeys(KINDS, 2.0 if is_hurried else 5.0)
        self.backed_up = self.holding()
        self.previous: Holding | None = None
        self.counted: Counter[str] = Counter()
        self.slowest = 0.0
        self.turn = 0

    def play(self, kind: str, victim: str) -> bool:
        """One round; asserts all that must be true at its end. False: the operation had ended before the kill."""
        self.turn += 1
        operation, old, new = getattr(self, f"_ask_{kind}")()
        ran = self.app.is_running
        is_hit = self.killer.strike(operation, victim, self.lasts[kind])
        self._wait(operation, is_hit)
        told = f"round {self.turn}: {kind}, {victim} killed: {operation.status}, {operation.message}"
        if not is_hit and operation.started_at:
            self.lasts[kind] = (operation.finished_at - operation.started_at).total_seconds()
        end = self._end_of(operation)
        assert self.holding() == (new if end == NEW else old), told
        assert not self.app.mixtures, f"{told}; the app saw {self.app.mixtures}"
        if ran:
            assert self.app.is_running or "was not started" in operation.message, told
        self._assert_clean(operation, told)
        if end == NEW:
            self.previous = old
        self.counted.update([f"{kind} {end}", f"{victim} {'hit' if is_hit else 'missed'}"])
        return is_hit

    def draw(self) -> tuple[str, str]:
        """What the next round is to be; an undo starts no program of its own."""
        kind = self.chance.choice(KINDS)
        return kind, self.chance.choice([one for one in VICTIMS if (kind, one) != ("undo", "child")])

    def holding(self) -> Holding:
        self.environment.refresh_from_db()
        services = AppService.objects.filter(environment=self.environment, is_published=True)
        return Holding(
            state(self.environment), self.environment.package_id, list(services.values_list("name", "version"))
        )

    def change(self) -> None:
        """What the app does between two rounds: the same word into its rows and its files."""
        word = f"round-{self.turn}"
        with psycopg.connect(conninfo(self.environment.database_address)) as db:
            db.execute("UPDATE mark SET word = %s", [word])
        (Path(self.environment.files_directory) / "mark.txt").write_text(word)

    def _ask_restore(self) -> tuple[Operation, Holding, Holding]:
        self._run_app()
        self.change()
        old = self.holding()
        operation = request_restore(self.backup, into=self.environment, by=BY, confirm=None, may_stop_app=True)
        return operation, old, old._replace(data=self.backed_up.data)

    def _ask_undo(self) -> tuple[Operation, Holding, Holding]:
        if last_generation(self.environment) is None or self.previous is None:
            operation, old, _ = self._ask_restore()
            self._wait(operation, is_hit=False)
            assert operation.status == Status.COMPLETED, operation.message
            self.previous = old
        self._run_app()
        self.change()
        old = self.holding()
        assert self.previous
        return request_undo(self.environment, by=BY, confirm=None), old, self.previous

    def _ask_upload(self) -> tuple[Operation, Holding, Holding]:
        self._run_app()
        self.change()
        self.app.flag.unlink()
        parts = ((UploadPart.DATABASE, self.brought.dump), (UploadPart.FILES, self.brought.files))
        uploads = [bring(self.environment, part, content) for part, content in parts]
        old = self.holding()
        operation = request_upload(self.environment, by=BY, uploads=uploads, confirm=self.environment.name)
        return operation, old, old._replace(data=self.brought.data, package=None)

    def _run_app(self) -> None:
        """The ordinary state between two rounds: the package deployed, the app running."""
        fresh = {"package": self.package, "state": State.RUNNING}
        Environment.objects.filter(pk=self.environment.pk).update(**fresh)
        self.environment.refresh_from_db()
        self.app.start()

    def _wait(self, operation: Operation, is_hit: bool) -> None:
        began = time.monotonic()
        while operation.status in (Status.QUEUED, Status.RUNNING):
            assert time.monotonic() - began < WITHIN_SECONDS, f"round {self.turn} is stuck: {operation.phase}"
            self.killer.revive()
            time.sleep(0.05)
            operation.refresh_from_db()
            if self.is_hurried and is_hit and time.monotonic() - began > 0.3:
                lost = Operation.objects.filter(pk=operation.pk, status=Status.RUNNING)
                lost.exclude(owner__startswith="lost|").update(lease_until=in_seconds(-1))
                is_hit = False
        self.slowest = max(self.slowest, time.monotonic() - began)

    def _end_of(self, operation: Operation) -> str:
        said_new = "holds the new data" in operation.message
        return NEW if operation.status == Status.COMPLETED or said_new else OLD

    def _assert_clean(self, operation: Operation, told: str) -> None:
        reap()
        reap()
        label = f"op-{operation.pk.hex}.{operation.attempt}"
        eventually(lambda: not programs_of(label), within=15)
        eventually(lambda: not leftovers(self.environment), within=15)
        with place_of(self.environment).beside() as connection:
            query = "SELECT datallowconn FROM pg_database WHERE datname = %s"
            [is_open] = connection.execute(query, [self.environment.database_address.name]).fetchone() or [False]
        assert is_open, f"{told}; the door is shut"
