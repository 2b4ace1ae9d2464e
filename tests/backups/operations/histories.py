"""Random histories of one environment: backups made step by step, deleted, found damaged, lost, pruned, killed.

While prune is at it, right before any of its effects, anything else may happen, or it may be killed.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from backups.choices import Condition
from backups.errors import Failed
from backups.models import Backup, DeadObject, Installation
from backups.operations.collect import WAIT
from backups.operations.mark import mark_vault
from backups.operations.prune import prune_environment
from backups.operations.remove import remove_stored
from backups.storage.sweep import sweep
from environments import clock
from environments.actors import PORTAL
from environments.choices import Status
from environments.models import Operation
from tests.backups.operations.shelves import Shelf
from tests.backups.storage.memory import MemoryVault
from tests.factories import EnvironmentFactory

BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)
FILES = 6


class Killed(BaseException):
    """The process that pruned is gone."""


@dataclass
class Making:
    """A backup that is being made, by an attempt that may be lost without knowing it."""

    backup: Backup
    attempt: int
    steps: Iterator[str]
    is_lost: bool = False


@dataclass
class History:
    seed: int
    folder: Path
    wait: timedelta = WAIT
    now: datetime = BEGIN
    makings: list[Making] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    kills: int = 0
    removed: int = 0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        for rows in (Backup, Operation, DeadObject, Installation):
            rows.objects.all().delete()
        self.vault = MemoryVault()
        place = EnvironmentFactory(is_nightly_on=False)
        self.shelf = Shelf(self.vault, place, self.folder / str(self.seed), limit=self.random.choice([700, 3000]))
        mark_vault(self.vault)

    def live(self, events: int) -> None:
        """Let so many things happen; `broken` tells of every backup that did not read afterwards."""
        self._change_files(FILES)
        for _ in range(events):
            with clock.turned_to(self.now):
                self.random.choices(*zip(*self._events().items(), strict=True))[0]()
                self._check()
            self.now += self.random.choice([timedelta(minutes=3), timedelta(hours=5), timedelta(hours=23)])
        self._end_all()

    def _events(self) -> dict[Callable[[], Any], int]:
        return {
            self._change: 3,
            self._begin: 4,
            self._go_on: 8,
            self._prune: 5,
            self._delete_any: 1,
            self._find_newest_damaged: 1,
            self._lose: 1,
        }

    # What happens

    def _change(self) -> None:
        self._change_files(self.random.randrange(1, FILES))

    def _change_files(self, count: int) -> None:
        for number in self.random.sample(range(FILES), count):
            self.shelf.write(**{f"{number}.bin": self.random.randbytes(self.random.choice([150, 400, 900]))})

    def _begin(self) -> None:
        """An attempt: of a backup whose last one was lost, else of a new one. One runs at a time."""
        operations = Operation.objects.filter(environment=self.shelf.environment, kind="create")
        if operations.filter(status=Status.RUNNING).exists():
            return
        waiting = operations.filter(status=Status.QUEUED).first()
        if waiting is None:
            life = timedelta(days=self.random.choice([1, 3, 8]))
            backup = self.shelf.begin(self.now, expires_at=self.now + life)
            attempt = 1
        else:
            backup, attempt = waiting.backup, waiting.attempt + 1
            Operation.objects.filter(pk=waiting.pk).update(status=Status.RUNNING, attempt=attempt)
            sweep(self.vault, self.shelf.environment.pk, backup.pk, attempt - 1)
        making = Making(backup, attempt, self.shelf.perform(backup, attempt))
        self.makings.append(making)
        self._step(making)

    def _go_on(self) -> None:
        if self.makings:
            self._step(self.random.choice(self.makings))

    def _step(self, making: Making) -> None:
        """One step; what fails is Failed, as in life, and what is lost may still write."""
        try:
            next(making.steps)
        except StopIteration:
            self.makings.remove(making)
        except Failed:
            self.makings.remove(making)
            sweep(self.vault, self.shelf.environment.pk, making.backup.pk, making.attempt)
            ours = Operation.objects.filter(pk=making.backup.operation_id, attempt=making.attempt)
            ours.filter(status=Status.RUNNING).update(status=Status.FAILED)

    def _lose(self) -> None:
        """The lease of what runs is over: the reaper queues it again, while the attempt goes on."""
        for making in self.makings:
            ours = Operation.objects.filter(pk=making.backup.operation_id, attempt=making.attempt)
            if ours.filter(status=Status.RUNNING).update(status=Status.QUEUED):
                sweep(self.vault, self.shelf.environment.pk, making.backup.pk, making.attempt)

    def _find_newest_damaged(self) -> None:
        """Verify says so of the newest good one, and somebody deletes it."""
        backup = self._good().first()
        if backup is not None:
            Backup.objects.filter(pk=backup.pk).update(condition=Condition.DAMAGED)
            if self._good().exists():
                self._delete(backup)

    def _delete_any(self) -> None:
        others = list(self._good()[1:])
        if others:
            self._delete(self.random.choice(others))

    def _delete(self, backup: Backup) -> None:
        remove_stored(self.vault, backup)
        Backup.objects.filter(pk=backup.pk).delete()

    def _prune(self) -> None:
        self.vault.told = self._beside_prune
        try:
            with suppress(Failed, Killed):
                pruned = prune_environment(self.vault, self.shelf.environment, now=self.now, by=PORTAL, wait=self.wait)
                self.removed += len(pruned.removed)
        finally:
            self.vault.told = lambda effect, name: None

    def _beside_prune(self, effect: str, name: str) -> None:
        """Right before an effect of prune. What happens here happens undisturbed."""
        if threading.current_thread() is not threading.main_thread():
            return  # packs are closed in a thread of their own
        told, self.vault.told = self.vault.told, lambda effect, name: None
        try:
            chance = self.random.random()
            if chance < 0.03:
                self.kills += 1
                raise Killed
            if chance < 0.3:
                self.random.choice([self._begin, self._go_on, self._go_on, self._find_newest_damaged, self._lose])()
        finally:
            self.vault.told = told

    # What must hold

    def _good(self) -> Any:
        return Backup.objects.filter(environment=self.shelf.environment).usable().newest_first()

    def _check(self) -> None:
        """Every Completed backup that is not on its way out holds, byte for byte, what was saved."""
        rows = Backup.objects.filter(environment=self.shelf.environment, removal_at=None).completed()
        for backup in rows.select_related("operation"):
            try:
                is_whole = self.shelf.read(backup) == self.shelf.saved[backup.pk]
            except Failed as error:
                is_whole = False
                self.broken.append(f"seed {self.seed}: {error}")
            if not is_whole:
                self.broken.append(f"seed {self.seed}: {backup.pk}")
                Backup.objects.filter(pk=backup.pk).update(removal_at=self.now)  # told once

    def _end_all(self) -> None:
        """Let everything end, and prune in peace, until there is nothing left to be removed."""
        with clock.turned_to(self.now):
            while self.makings:
                self._step(self.makings[0])
            Operation.objects.filter(status=Status.QUEUED).update(status=Status.FAILED)
            Backup.objects.filter(expires_at__gt=self.now).update(expires_at=self.now + timedelta(days=400))
        for _ in range(8):
            self.now += timedelta(hours=25)
            with clock.turned_to(self.now), suppress(Failed):
                prune_environment(self.vault, self.shelf.environment, now=self.now, by=PORTAL, is_forced=True)
                self._check()
