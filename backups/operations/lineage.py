"""Lineage: where an environment's data came from, for the notice of Undo and for its dialog."""

from datetime import datetime
from functools import cached_property

from environments.models import Environment, Operation

from ..choices import Contents
from ..models import Generation, Restore
from .generations import last_generation

PARTS = {Contents.FULL: "the backup", Contents.DATABASE: "the database", Contents.FILES: "the uploaded files"}
DEEDS = {"restore": "restored", "upload": "uploaded", "undo": "taken back"}


class Lineage:
    """What is live since the last exchange, what left then, and how what left had come. Asked for when it is needed."""

    def __init__(self, left: Generation) -> None:
        self.left, self.operation = left, left.operation

    @property
    def deed(self) -> str:
        return DEEDS.get(self.operation.kind, "put here")

    @cached_property
    def restore(self) -> Restore | None:
        return restore_of(self.operation)

    @cached_property
    def holds(self) -> str:
        """What is live, as words that follow "holds"."""
        return words_of(self.restore) if self.operation.kind == "restore" else brought_by(self.operation)

    @cached_property
    def _previous(self) -> Generation | None:
        earlier = Generation.objects.filter(environment=self.left.environment_id, left_at__lt=self.left.left_at)
        return earlier.select_related("operation").first()

    @property
    def before(self) -> str:
        """What was live before; empty where it was never put there."""
        return brought_by(self._previous.operation) if self._previous else ""

    @property
    def before_since(self) -> datetime | None:
        return self._previous.left_at if self._previous else None


def lineage_of(environment: Environment) -> Lineage | None:
    """The last exchange as long as it can be undone; None afterwards."""
    left = last_generation(environment)
    return Lineage(left) if left else None


def restore_of(operation: Operation) -> Restore | None:
    """What a restore was asked for with; None of anything else."""
    if operation.kind != "restore":
        return None
    return Restore.objects.filter(operation=operation).select_related("backup__environment").first()


def brought_by(operation: Operation) -> str:
    """What an exchange brings, as words that follow "holds": the backup of Live from 2026-11-22 19:00 UTC."""
    if operation.kind == "upload":
        return "uploaded data"
    if operation.kind == "undo":
        back = Generation.objects.filter(pk=operation.params.get("generation")).first()
        return f"again what it held until {back.left_at:%Y-%m-%d %H:%M} UTC" if back else "again what it held before"
    return words_of(restore_of(operation))


def words_of(restore: Restore | None) -> str:
    """What a restore brings, in the same words."""
    if restore is None or restore.backup is None:
        return "a backup that is no longer in the list"
    backup = restore.backup
    part = PARTS[Contents(restore.contents)]
    of = "" if restore.contents == Contents.FULL else " of the backup"
    return f"{part}{of} of {backup.environment.name} from {backup.created_at:%Y-%m-%d %H:%M} UTC"
