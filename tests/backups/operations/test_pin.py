"""Pin: past its date, for a reason, as long as somebody says."""

from datetime import UTC, datetime, timedelta

import pytest

from backups.errors import BackupLeaving, BackupNotCompleted, BackupNotPinned, PinRefused
from backups.models import Backup
from backups.operations.pin import pin, unpin
from environments import clock
from environments.actors import Actor
from environments.models import Activity, Environment
from tests.factories import BackupFactory

pytestmark = pytest.mark.django_db
INES = Actor("Ines Duarte", "person")
MARCH = datetime(2030, 3, 1, 23, 59, 59, tzinfo=UTC)


@pytest.fixture
def backup(environment: Environment) -> Backup:
    return BackupFactory(environment=environment, created_at=datetime(2026, 11, 24, 19, 0, tzinfo=UTC))


def pinned(backup: Backup) -> tuple[bool, datetime | None, str]:
    backup.refresh_from_db()
    return backup.is_pinned, backup.pinned_until, backup.pin_reason


def test_a_pin_has_a_reason_and_may_have_an_end(backup: Backup) -> None:
    pin(backup, by=INES, reason=" The auditors \n ask for it ", until=MARCH)

    assert pinned(backup) == (True, MARCH, "The auditors ask for it")
    line = Activity.objects.get()
    assert (line.action, line.subject, line.actor_name) == ("backup.pinned", backup.pk, "Ines Duarte")
    assert line.sentence == (
        "Ines Duarte pinned the backup of 2026-11-24 19:00 UTC, until 2030-03-01: The auditors ask for it"
    )


def test_pinned_again_it_is_as_said_last(backup: Backup) -> None:
    pin(backup, by=INES, reason="The auditors ask for it", until=MARCH)

    pin(backup, by=INES, reason="For good")

    assert pinned(backup) == (True, None, "For good")


def test_unpinned_it_expires_as_before(backup: Backup) -> None:
    expiry = backup.expires_at
    pin(backup, by=INES, reason="The auditors ask for it", until=MARCH)

    unpin(backup, by=INES)

    assert pinned(backup) == (False, None, "")
    assert backup.expires_at == expiry
    line = Activity.objects.get(action="backup.unpinned")
    assert line.sentence == "Ines Duarte took the pin out of the backup of 2026-11-24 19:00 UTC."
    assert line.facts == {"reason": "The auditors ask for it"}


@pytest.mark.parametrize("reason", ["", " \n\t ", "x" * 501])
def test_without_a_reason_or_with_a_novel_it_is_refused(backup: Backup, reason: str) -> None:
    with pytest.raises(PinRefused):
        pin(backup, by=INES, reason=reason)

    assert pinned(backup) == (False, None, "")


def test_an_end_that_is_over_is_refused(backup: Backup) -> None:
    with pytest.raises(PinRefused, match="is over already"):
        pin(backup, by=INES, reason="The auditors ask for it", until=clock.now() - timedelta(seconds=1))


@pytest.mark.parametrize("state", ["queued", "running", "failed"])
def test_what_is_not_completed_has_nothing_to_keep(environment: Environment, state: str) -> None:
    with pytest.raises(BackupNotCompleted):
        pin(BackupFactory(environment=environment, **{state: True}), by=INES, reason="The auditors ask for it")


def test_what_is_going_can_neither_be_pinned_nor_unpinned(backup: Backup) -> None:
    pin(backup, by=INES, reason="The auditors ask for it")
    Backup.objects.update(removal_at=clock.now())

    with pytest.raises(BackupLeaving):
        pin(backup, by=INES, reason="The auditors ask for it")
    with pytest.raises(BackupLeaving):
        unpin(backup, by=INES)


def test_what_is_not_pinned_cannot_be_unpinned(backup: Backup) -> None:
    with pytest.raises(BackupNotPinned):
        unpin(backup, by=INES)
