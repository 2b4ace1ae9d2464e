"""What the clock asks for. The schedules name these functions, so they are never renamed; each asks and returns."""

from datetime import time

from environments.lifecycle.schedules import Schedule

from .operations.nightly import queue_pages
from .operations.prune import request_due_prunes
from .operations.tell import tell_alarms
from .operations.verify import request_due_verifications

SCHEDULES = (
    Schedule("nightly", "backups.tasks.queue_nightlies", minutes=1),
    Schedule("prune", "backups.tasks.prune_expired", at=time(12, 0)),
    Schedule("verify", "backups.tasks.verify_due", minutes=60),
    Schedule("alarm", "backups.tasks.tell", minutes=10),
)


def queue_nightlies() -> None:
    """Each minute: what the night asks for."""
    for _ in queue_pages():
        pass


def prune_expired() -> None:
    """Once a day: ask for pruning where something may be to remove."""
    for _ in request_due_prunes():
        pass


def verify_due() -> None:
    """Each hour: ask for reading what is new, or was not read for a month."""
    for _ in request_due_verifications():
        pass


def tell() -> None:
    """Every ten minutes: mail what is wrong and was not told."""
    tell_alarms()
