"""What the clock asks for. The schedules name these functions, so they are never renamed; each asks and returns."""

from datetime import time, timedelta

from environments.lifecycle.schedules import Schedule

from .operations.mark import see_vault
from .operations.nightly import queue_pages
from .operations.note import note_rest
from .operations.package import discard_left_behind
from .operations.prune import request_due_prunes
from .operations.save_portal import save_portal, saved_within
from .operations.tell import tell_alarms
from .operations.verify import request_due_verifications

SCHEDULES = (
    Schedule("nightly", "backups.tasks.queue_nightlies", minutes=1),
    Schedule("prune", "backups.tasks.prune_expired", at=time(12, 0)),
    Schedule("verify", "backups.tasks.verify_due", minutes=60),
    Schedule("packages", "backups.tasks.discard_packages", at=time(12, 30)),
    Schedule("portal", "backups.tasks.save_own_database", at=time(2, 30)),
    Schedule("vault", "backups.tasks.look_at_vault", minutes=5),
    Schedule("notes", "backups.tasks.write_notes", minutes=5),
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


def look_at_vault() -> None:
    """Every five minutes: whether the vault is there, for the pages that tell of it."""
    see_vault()


def write_notes() -> None:
    """Every five minutes: what the vault could not be told of backups when it changed."""
    note_rest()


def discard_packages() -> None:
    """Once a day: files in the vault that no deployment package names any more."""
    discard_left_behind()


def save_own_database() -> None:
    """Each night: the portal's own database into the vault, once."""
    if not saved_within(timedelta(hours=12)):
        save_portal()
