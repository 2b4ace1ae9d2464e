"""Three nights in a row without a backup: a stronger alarm, told again, while nothing old is removed meanwhile."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail

from backups.models import Backup
from backups.operations.alarm import alarms_of
from backups.operations.tell import tell_alarms
from backups.policy.alarms import Cause
from environments.choices import Failure, Status
from environments.models import Environment, Operation
from tests.backups.operations.test_alarm import DAY, NOON, SLOT, alarms, live, nightly
from tests.factories import BackupFactory, EnvironmentFactory

from .nights import since
from .pruned import left, prune
from .shelves import Shelf

__all__ = ["live"]
pytestmark = pytest.mark.django_db


def fail(environment: Environment, nights: range, **changes: str) -> None:
    for number in nights:
        how = {"status": Status.FAILED, "failure": Failure.ERROR, "message": "The table is locked.", **changes}
        nightly(environment, SLOT + number * DAY, **how)


def test_the_third_failure_in_a_row_is_said_more_strongly(live: Environment) -> None:
    fail(live, range(1, 3))
    [alarm] = alarms(live, NOON + 2 * DAY)
    assert (alarm.cause, alarm.is_urgent) == (Cause.FAILED, False)

    fail(live, range(3, 4))
    [alarm] = alarms(live, NOON + 3 * DAY)

    assert (alarm.cause, alarm.is_urgent) == (Cause.NIGHTS_WITHOUT, True)
    assert alarm.sentence == (
        "No nightly backup for 3 nights in a row; the last one is of 2026-11-24. "
        "The nightly backup of 2026-11-27 failed: The table is locked."
    )


def test_missing_nights_count_like_failed_ones(live: Environment) -> None:
    fail(live, range(1, 2))

    [alarm] = alarms(live, SLOT + 3 * DAY + timedelta(hours=2))

    assert alarm.cause == Cause.NIGHTS_WITHOUT
    assert alarm.sentence.startswith(
        "No nightly backup for 3 nights in a row; the last one is of 2026-11-24. The night"
    )


def test_one_good_night_ends_it_and_counting_begins_anew(live: Environment) -> None:
    fail(live, range(1, 4))
    nightly(live, SLOT + 4 * DAY)
    assert alarms(live, NOON + 4 * DAY) == []

    fail(live, range(5, 7))
    assert [alarm.cause for alarm in alarms(live, NOON + 6 * DAY)] == [Cause.FAILED]


def test_where_there_never_was_one_it_says_so(environment: Environment, live: Environment) -> None:
    new = since(EnvironmentFactory(), SLOT - timedelta(hours=1))
    fail(new, range(3))

    [alarm] = alarms(new, NOON + 2 * DAY)

    assert "for 3 nights in a row; there is none yet. The nightly" in alarm.sentence


def test_nights_that_were_off_do_not_count(live: Environment) -> None:
    Environment.objects.update(nightly_since=SLOT + 2 * DAY)
    live.refresh_from_db()
    fail(live, range(1, 4))

    assert [alarm.cause for alarm in alarms(live, NOON + 3 * DAY)] == [Cause.FAILED]


def test_it_is_mailed_each_night_and_on_the_third_with_a_subject_of_its_own(
    live: Environment, technical_contact: User
) -> None:
    for number in range(1, 5):
        fail(live, range(number, number + 1))
        for look in range(3):
            tell_alarms(NOON + number * DAY + timedelta(minutes=20 * look))

    assert [message.subject for message in mail.outbox] == [
        "Order Desk, Live: nightly backup failed",
        "Order Desk, Live: nightly backup failed",
        "Order Desk, Live: no nightly backup for days",
        "Order Desk, Live: no nightly backup for days",
    ]
    assert "No nightly backup for 4 nights in a row" in mail.outbox[-1].body
    assert mail.outbox[-1].to == [technical_contact.email]


def test_the_others_are_well_and_the_urgent_one_comes_first(live: Environment) -> None:
    other = since(EnvironmentFactory())
    for number in range(4):
        nightly(other, SLOT + number * DAY)
    fail(live, range(1, 4))
    BackupFactory(environment=live, condition="damaged", created_at=SLOT - DAY)

    found = alarms_of([live, other], NOON + 3 * DAY)

    assert [alarm.cause for alarm in found[live.pk]] == [Cause.NIGHTS_WITHOUT, Cause.DAMAGED]
    assert found[other.pk] == []


def test_its_old_backups_are_not_aged_out_meanwhile(shelf: Shelf) -> None:
    """The last good one is of the day before; what has expired stays from the fourth day on, until a night succeeds."""
    before = left(shelf.environment)
    for number in range(30):
        BackupFactory(environment=shelf.environment, failed=True, created_at=NOON + number * DAY)

    for number in range(3, 30, 5):
        assert "the newest good one is from 2026-11-24" in prune(shelf.environment, NOON + number * DAY).message
    assert set(before) <= set(left(shelf.environment))

    shelf.make(NOON + 30 * DAY)
    assert prune(shelf.environment, NOON + 30 * DAY).status == Status.COMPLETED
    assert not set(before) & set(left(shelf.environment))


def test_a_backup_dated_ahead_of_now_is_told_of(live: Environment) -> None:
    ahead = BackupFactory(environment=live, created_at=NOON.replace(year=2036))
    BackupFactory(environment=live, created_at=NOON + timedelta(minutes=1), database_bytes=5_000, files_bytes=90_000)

    [alarm] = alarms(live)

    assert (alarm.cause, alarm.backup) == (Cause.AHEAD, ahead.pk)
    assert "is dated ahead of now, 2026-11-25 12:00 UTC: the clock was or is wrong" in alarm.sentence
    Operation.objects.filter(pk=ahead.operation_id).update(status=Status.FAILED)
    assert alarms(live) == []
    assert Backup.objects.count() == 3
