"""Prune: what the plan says and nothing else, then the space a day later; whatever fails, the next one goes on."""

from datetime import UTC, datetime, timedelta

import pytest

from backups.choices import Condition
from backups.models import Backup, DeadObject, Hold, Installation
from backups.operations.hold import hold, holding
from backups.operations.pin import pin
from backups.operations.prune import request_due_prunes
from backups.storage import names
from backups.storage.vault import DirectoryVault, Vault
from environments import clock
from environments.choices import Failure, Status
from environments.models import Activity, Environment, Operation
from tests.backups.operations.shelves import Shelf
from tests.factories import BackupFactory, EnvironmentFactory, OperationFactory

from .pruned import DAY, INES, NEXT, NOON, left, objects, old_of, prune, refuse

pytestmark = pytest.mark.django_db


def test_what_has_expired_goes_and_history_says_by_which_rule(shelf: Shelf) -> None:
    old = old_of(shelf)

    done = prune(shelf.environment)

    assert done.status == Status.COMPLETED
    assert done.message == "1 expired backup was removed, 0.00 MB came back."
    assert old not in left(shelf.environment)
    [line] = Activity.objects.filter(action="backup.removed")
    assert line.sentence == "The backup of 2026-11-04 12:00 UTC was removed: expired 2026-11-18."
    assert (line.subject, line.operation, line.actor_name) == (old.pk, done.pk, "The portal")
    assert not Activity.objects.filter(action="prune.completed").exists()


def test_its_manifest_and_dump_go_at_once_and_its_packs_a_day_later(shelf: Shelf, vault: Vault) -> None:
    [new, old] = left(shelf.environment)
    folder = names.backup_folder(shelf.environment.pk, old.pk, 1)
    old_pack, new_pack = (names.pack(shelf.environment.pk, one.pk, 1, 0) for one in (old, new))

    prune(shelf.environment)
    assert not any(name.startswith(folder) for name in objects(vault))
    assert {old_pack, new_pack} < objects(vault)  # a quarter of the old one lives: it was rewritten into a third
    prune(shelf.environment, NOON + timedelta(hours=23, minutes=59))
    assert old_pack in objects(vault)

    prune(shelf.environment, NOON + timedelta(hours=24, minutes=1))

    assert old_pack not in objects(vault)
    assert not DeadObject.objects.exists()
    assert shelf.read(new) == shelf.saved[new.pk]


def test_the_newest_good_one_stays_however_old_and_whatever_is_forced(shelf: Shelf) -> None:
    Backup.objects.filter(pk=left(shelf.environment)[0].pk).update(condition=Condition.DAMAGED)

    prune(shelf.environment, NOON + 400 * DAY, is_forced=True)

    assert [backup.condition for backup in left(shelf.environment)] == [Condition.UNVERIFIED]


def test_a_pinned_one_stays_until_the_end_of_its_pin(shelf: Shelf) -> None:
    pin(old_of(shelf), by=INES, reason="The auditors ask for it", until=NOON + 3 * DAY)

    prune(shelf.environment, NOON + DAY, is_forced=True)
    assert len(left(shelf.environment)) == 2

    shelf.make(NOON + 3 * DAY)
    prune(shelf.environment, NOON + 4 * DAY)
    assert len(left(shelf.environment)) == 2


def test_what_is_being_restored_stays(shelf: Shelf) -> None:
    neighbour = EnvironmentFactory(app=shelf.environment.app)
    restore = OperationFactory(kind="restore", environment=neighbour, subject=old_of(shelf).pk, running=True)

    prune(shelf.environment, is_forced=True)
    assert len(left(shelf.environment)) == 2

    Operation.objects.filter(pk=restore.pk).update(status=Status.COMPLETED)
    prune(shelf.environment)
    assert len(left(shelf.environment)) == 1


def test_what_is_being_downloaded_stays_until_the_reader_is_done_or_dead(shelf: Shelf) -> None:
    old = old_of(shelf)
    with clock.turned_to(NOON):
        next(holding(old.pk, iter([b"1", b"2"])))

    prune(shelf.environment, NOON + timedelta(minutes=4), is_forced=True)
    assert old in left(shelf.environment)

    prune(shelf.environment, NOON + timedelta(minutes=6))
    assert old not in left(shelf.environment)
    assert not Hold.objects.exists()


def test_what_is_going_cannot_be_held(shelf: Shelf, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    old = old_of(shelf)
    monkeypatch.setattr(DirectoryVault, "delete", refuse)
    prune(shelf.environment)

    with pytest.raises(Exception, match="is being deleted"):
        hold(old.pk)


def test_a_failed_one_goes_when_it_has_expired_and_what_it_left_with_it(shelf: Shelf, vault: Vault) -> None:
    failed = BackupFactory(environment=shelf.environment, failed=True, created_at=NOON - 20 * DAY)
    with vault.create(names.pack(shelf.environment.pk, failed.pk, 1, 0)) as writer:
        writer.write(b"left by a vault that was away")
        writer.commit()

    prune(shelf.environment)

    assert failed not in left(shelf.environment)
    assert not any(str(failed.pk) in name for name in objects(vault))


def test_before_anything_was_ever_stored_failed_ones_go_without_a_vault(environment: Environment) -> None:
    BackupFactory(environment=environment, failed=True, created_at=NOON - 20 * DAY)

    assert prune(environment).status == Status.COMPLETED

    assert left(environment) == []
    assert Installation.own().marked_at is None


@pytest.mark.parametrize("is_forced", [False, True])
def test_with_too_many_at_once_nothing_goes_but_by_force(shelf: Shelf, is_forced: bool) -> None:
    for day in range(12):
        shelf.make(NOON - timedelta(days=30 + day), kept_by="daily")
    count = len(left(shelf.environment))

    done = prune(shelf.environment, is_forced=is_forced)

    if is_forced:
        assert (done.status, len(left(shelf.environment))) == (Status.COMPLETED, 1)
        return
    assert (done.status, done.failure, len(left(shelf.environment))) == (Status.FAILED, Failure.ERROR, count)
    assert done.message.startswith("Nothing is pruned here: 13 of 14 Completed backups would go at once.")
    assert Activity.objects.get(action="prune.failed").sentence == done.message


def test_a_clock_ten_years_ahead_removes_nothing(shelf: Shelf, vault: Vault) -> None:
    prune(shelf.environment)
    before, dead = objects(vault), DeadObject.objects.count()
    assert dead

    BackupFactory(environment=shelf.environment, created_at=NOON - 2 * DAY)

    done = prune(shelf.environment, NOON.replace(year=2036))

    assert done.status == Status.FAILED
    assert "the newest good one is from 2026-11-24" in done.message
    assert objects(vault) == before
    assert DeadObject.objects.count() == dead


def test_a_clock_that_jumps_ahead_shortens_the_day_of_no_pack(shelf: Shelf, vault: Vault) -> None:
    prune(shelf.environment)
    before = objects(vault)

    prune(shelf.environment, NOON.replace(year=2036))

    assert objects(vault) == before


def test_a_deleted_environments_backups_expire_and_the_newest_good_one_stays(shelf: Shelf) -> None:
    with clock.turned_to(NOON):
        shelf.environment.deleted_at = NOON
        shelf.environment.save()

    done = prune(shelf.environment, NOON + 100 * DAY)

    assert done.status == Status.COMPLETED
    assert len(left(shelf.environment)) == 1


# Leftovers


def store(vault: Vault, name: str) -> str:
    with vault.create(name) as writer:
        writer.write(b"something")
        writer.commit()
    return name


def test_what_dead_attempts_left_goes_in_two_steps(shelf: Shelf, vault: Vault) -> None:
    environment, backup = shelf.environment.pk, left(shelf.environment)[0]
    removed = OperationFactory(environment=shelf.environment, subject=environment)
    lost = {
        store(vault, names.dump(environment, backup.pk, 7)),
        store(vault, names.pack(environment, backup.pk, 7, 0)),
        store(vault, names.dump(environment, removed.subject, 1)),
    }

    prune(shelf.environment)
    assert lost <= objects(vault)
    prune(shelf.environment, NEXT)

    assert not lost & objects(vault)


def test_backups_that_no_row_knows_stay_and_are_told_of(shelf: Shelf, vault: Vault) -> None:
    """As after the portal's own database was put back from an older copy."""
    [new, _] = left(shelf.environment)
    operation, known = new.operation, new.pk
    new.delete()
    operation.delete()
    new.pk = known
    shelf.make(NOON - DAY)

    for at in (NOON, NEXT):
        done = prune(shelf.environment, at)

    assert "The vault holds 1 backups here that the portal does not know; they stay" in done.message
    new.stored_attempt = 1
    assert shelf.read(new) == shelf.saved[new.pk]


# Who is pruned


def test_once_a_day_where_something_may_be_to_remove(shelf: Shelf, db: None) -> None:
    EnvironmentFactory()
    idle = BackupFactory(environment=EnvironmentFactory(), created_at=NOON - DAY).environment

    def asked(at: datetime) -> list[Environment]:
        return [operation.environment for page in request_due_prunes(at) for operation in page]

    assert asked(NOON) == [shelf.environment]
    assert asked(NOON + timedelta(hours=3)) == []
    assert asked(NOON + DAY) == [shelf.environment]
    sunday = asked(datetime(2026, 11, 29, 12, tzinfo=UTC))
    assert set(sunday) == {shelf.environment, idle}


def test_where_the_last_pruning_failed_the_next_one_looks_whether_that_is_still_so(environment: Environment) -> None:
    OperationFactory(environment=environment, kind="prune", failed=True, created_at=NOON)

    def asked(at: datetime) -> int:
        return sum(len(page) for page in request_due_prunes(at))

    assert asked(NOON + DAY) == 1
    Operation.objects.filter(kind="prune").update(status=Status.COMPLETED)
    assert asked(NOON + 2 * DAY) == 0


def test_what_people_delete_is_collected_too(shelf: Shelf) -> None:
    place = EnvironmentFactory()
    OperationFactory(environment=place, kind="delete", finished_at=NOON - timedelta(hours=3))

    assert place in [operation.environment for page in request_due_prunes(NOON) for operation in page]
