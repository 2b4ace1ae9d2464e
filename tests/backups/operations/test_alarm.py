"""What is wrong, as people are told: in words, once by mail, and never in the way of anything."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core import mail

from backups.choices import Condition
from backups.models import Backup, ToldAlarm
from backups.operations.alarm import Alarm, alarms_of
from backups.operations.create import request_create
from backups.operations.tell import tell_alarms
from backups.policy.alarms import Cause
from environments.actors import NIGHTLY
from environments.choices import Failure, Status
from environments.models import Environment, Operation
from tests.backups.operations.nights import regions, since
from tests.factories import BackupFactory, EnvironmentFactory, OperationFactory

pytestmark = pytest.mark.django_db
SLOT = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def live(environment: Environment) -> Environment:
    """All is well: last night's backup was made."""
    regions()
    since(environment)
    nightly(environment, SLOT)
    return environment


def nightly(environment: Environment, slot: datetime, **changes: Any) -> Backup:
    backup = request_create(environment, by=NIGHTLY, at=slot, slot_at=slot)
    changes = {"status": Status.COMPLETED, "finished_at": slot, "started_at": slot, **changes}
    Operation.objects.filter(pk=backup.operation_id).update(**changes)
    Backup.objects.filter(pk=backup.pk).update(database_bytes=5_000, files_bytes=90_000, stored_attempt=1)
    backup.refresh_from_db()
    return backup


def alarms(environment: Environment, now: datetime = NOON) -> list[Alarm]:
    return alarms_of([environment], now)[environment.pk]


def test_where_all_is_well_there_is_none(live: Environment) -> None:
    assert alarms(live) == []


def test_a_missing_night(live: Environment) -> None:
    assert alarms(live, SLOT + DAY + timedelta(minutes=119)) == []

    [alarm] = alarms(live, SLOT + 2 * DAY + timedelta(hours=2))

    assert (alarm.cause, alarm.environment) == (Cause.MISSING, live)
    assert alarm.sentence.startswith(
        "The nightly backup of 2026-11-26 is missing, the last of 2 that are missing: it was due at 19:00 UTC"
    )


@pytest.mark.parametrize("change", [{"is_nightly_on": False}, {"nightly_since": NOON}, {"deleted_at": NOON}], ids=str)
def test_where_none_is_wanted_none_is_missing(live: Environment, change: dict[str, Any]) -> None:
    Environment.objects.update(**change)
    live.refresh_from_db()

    assert alarms_of([live], NOON + timedelta(hours=5)).get(live.pk, []) == []


def test_a_failed_night_after_its_last_try(live: Environment) -> None:
    tried = nightly(live, SLOT + DAY, status=Status.QUEUED, message="The table is locked.")
    assert alarms(live, SLOT + DAY + timedelta(minutes=15)) == []
    Operation.objects.filter(pk=tried.operation_id).update(status=Status.FAILED, failure=Failure.ERROR)

    [alarm] = alarms(live, SLOT + DAY + timedelta(hours=1))

    assert (alarm.cause, alarm.backup) == (Cause.FAILED, tried.pk)
    assert alarm.sentence == "The nightly backup of 2026-11-25 failed: The table is locked."


def test_one_that_somebody_cancelled_is_no_alarm(live: Environment) -> None:
    nightly(live, SLOT + DAY, status=Status.FAILED, failure=Failure.CANCELLED)

    assert alarms(live, SLOT + DAY + timedelta(hours=1)) == []


def test_a_night_that_nobody_begins(live: Environment) -> None:
    nightly(live, SLOT + DAY, status=Status.QUEUED)
    assert alarms(live, SLOT + DAY + timedelta(minutes=119)) == []

    [alarm] = alarms(live, SLOT + DAY + timedelta(hours=2))
    assert (alarm.cause, "waits for a worker" in alarm.sentence) == (Cause.WAITING, True)

    OperationFactory(environment=live, running=True)
    assert alarms(live, SLOT + DAY + timedelta(hours=2)) == []


def test_a_region_without_a_start(live: Environment) -> None:
    Environment.objects.update(region=regions()["asia-pacific"], cloud_version="v3")
    live.refresh_from_db()

    [alarm] = alarms(live)

    assert alarm.cause == Cause.NO_START


@pytest.mark.parametrize(
    ("database", "files", "words"),
    [
        (900, 90_000, ["The database in the backup of 2026-11-25 10:00 UTC: 18% of what was usual."]),
        (5_000, 0, ["The uploaded files in the backup of 2026-11-25 10:00 UTC: 0% of what was usual."]),
        (1_100, 20_000, []),
    ],
)
def test_a_backup_that_shrank(live: Environment, database: int, files: int, words: list[str]) -> None:
    for days in (1, 2):
        nightly(live, SLOT - days * DAY)

    BackupFactory(
        environment=live,
        created_at=NOON - timedelta(hours=2),
        database_bytes=database,
        files_bytes=files,
    )

    assert [alarm.sentence.split(" See ")[0] for alarm in alarms(live)] == words


@pytest.mark.parametrize(("condition", "cause"), [(Condition.DAMAGED, Cause.DAMAGED), (Condition.MISSING, Cause.GONE)])
def test_what_verify_found(live: Environment, condition: Condition, cause: Cause) -> None:
    backup = BackupFactory(environment=live, condition=condition, created_at=SLOT - DAY)

    [alarm] = alarms(live)

    assert (alarm.cause, alarm.backup) == (cause, backup.pk)
    assert "and is no longer offered" in alarm.sentence


def test_what_could_not_be_pruned_until_it_could(live: Environment) -> None:
    OperationFactory(
        environment=live,
        kind="prune",
        failed=True,
        message="Nothing is pruned here: 12 of 14 would go.",
        created_at=NOON,
    )
    [alarm] = alarms(live)
    assert (alarm.cause, alarm.sentence) == (Cause.NOT_PRUNED, "Nothing is pruned here: 12 of 14 would go.")

    OperationFactory(environment=live, kind="prune", created_at=NOON + timedelta(minutes=1))
    assert alarms(live, NOON + timedelta(minutes=1)) == []


def test_many_environments_cost_as_many_queries_as_one(
    live: Environment, django_assert_num_queries: Callable[..., Any]
) -> None:
    others = EnvironmentFactory.create_batch(8)
    for place in others:
        since(place)

    with django_assert_num_queries(8):
        one = alarms_of([live], NOON)
    with django_assert_num_queries(8):
        many = alarms_of([live, *others], NOON)

    assert one[live.pk] == many[live.pk] == []
    assert all(many[place.pk] for place in others)


# Told by mail


def broken(environment: Environment) -> Backup:
    return BackupFactory(environment=environment, condition=Condition.DAMAGED, created_at=SLOT - DAY)


def test_each_is_mailed_once_to_the_technical_contacts(
    live: Environment, technical_contact: User, developer: User
) -> None:
    backup = broken(live)

    assert [tell_alarms(NOON + timedelta(minutes=10 * count)) for count in range(4)] == [1, 0, 0, 0]

    [message] = mail.outbox
    assert message.to == [technical_contact.email]
    assert message.subject == "Order Desk, Live: backup damaged"
    assert f"The backup of {backup.created_at:%Y-%m-%d %H:%M} UTC is damaged" in message.body
    assert f"{settings.BASE_URL}/apps/order-desk/live/backups/" in message.body


def test_those_of_one_app_come_together_and_a_new_one_by_itself(
    live: Environment, acceptance: Environment, technical_contact: User
) -> None:
    since(acceptance, SLOT)
    broken(live)
    tell_alarms(NOON)
    assert mail.outbox[0].subject == "Order Desk: 2 alarms"

    broken(live)
    tell_alarms(NOON + timedelta(minutes=10))

    assert mail.outbox[1].subject == "Order Desk, Live: backup damaged"
    assert len(mail.outbox) == 2


def test_what_is_no_longer_wrong_is_forgotten_and_told_when_it_comes_back(
    live: Environment, technical_contact: User
) -> None:
    backup = broken(live)
    for condition, count in ((Condition.DAMAGED, 1), (Condition.GOOD, 1), (Condition.DAMAGED, 2)):
        Backup.objects.filter(pk=backup.pk).update(condition=condition)
        tell_alarms(NOON)
        assert len(mail.outbox) == count


def test_mail_that_fails_is_tried_again_after_a_while_and_changes_nothing(
    live: Environment, technical_contact: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    backup = broken(live)
    before = Backup.objects.values().get(pk=backup.pk), list(Operation.objects.values())

    def fail(*_: object) -> None:
        raise SMTPServerDisconnected("Connection unexpectedly closed")

    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", fail)
        assert [tell_alarms(NOON), tell_alarms(NOON + timedelta(minutes=10))] == [0, 0]
    assert caplog.text.count("could not be mailed") == 1
    assert (Backup.objects.values().get(pk=backup.pk), list(Operation.objects.values())) == before

    assert tell_alarms(NOON + timedelta(minutes=20)) == 1


def test_without_a_contact_nobody_is_told_until_there_is_one(live: Environment, developer: User) -> None:
    broken(live)
    assert tell_alarms(NOON) == 0
    assert ToldAlarm.objects.get().told_at is None

    membership = developer.memberships.get()  # type: ignore[attr-defined]
    membership.role = "technical_contact"
    membership.save()

    assert tell_alarms(NOON + timedelta(minutes=20)) == 1
