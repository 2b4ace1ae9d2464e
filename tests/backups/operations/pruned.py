"""What the tests of pruning share: when it is, how it is pruned, what is left."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from backups.models import Backup
from backups.operations.prune import request_prune
from backups.storage import names
from backups.storage.vault import Vault
from environments import clock
from environments.actors import PORTAL, Actor
from environments.lifecycle.run import run_here
from environments.models import Environment, Operation
from tests.backups.operations.shelves import Shelf

INES = Actor("Ines Duarte", "person")
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NEXT = NOON + DAY + timedelta(minutes=1)  # more than 24 hours later, and the newest backup still a recent one


def prune(environment: Environment, at: datetime = NOON, **options: bool) -> Operation:
    with clock.turned_to(at):
        return run_here(request_prune(environment, by=PORTAL, is_rung=False, **options))


def left(environment: Environment) -> list[Backup]:
    return list(Backup.objects.filter(environment=environment).newest_first())


def objects(vault: Vault) -> set[str]:
    root = Path(vault.location)  # type: ignore[attr-defined]
    found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    return found - {names.MARKER}


def old_of(shelf: Shelf) -> Backup:
    return left(shelf.environment)[-1]


def refuse(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")
