"""Prune: what the plan says and nothing else, then the space a day later; whatever fails, the next one goes on."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.choices import Condition
from backups.models import Backup, DeadObject, Hold, Installation
from backups.operations.hold import hold, holding
from backups.operations.mark import mark_vault
from backups.operations.pin import pin
from backups.operations.prune import request_due_prunes, request_prune
from backups.storage import names
from backups.storage.vault import DirectoryVault, Vault, open_vault
from environments import clock
from environments.actors import PORTAL, Actor
from environments.choices import Failure, Status
from environments.lifecycle.run import run_here
from environments.models import Activity, Environment, Operation
from tests.backups.operations.shelves import Shelf, noise
from tests.factories import BackupFactory, EnvironmentFactory, OperationFactory

pytestmark = pytest.mark.django_db
INES = Actor("Ines Duarte", "person")
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NEXT = NOON + DAY + timedelta(minutes=1)  # more than 24 hours later, and the newest backup still a recent one


@pytest.fixture
def vault() -> Vault:
    found = open_vault()
    mark_vault(found)
    return found


@pytest.fixture
def shelf(vault: Vault, environment: Environment, tmp_path: Path) -> Iterator[Shelf]:
    """Two backups: one of 21 days ago, expired for a week, one of last night; three of four files changed between."""
    with clock.turned_to(NOON):
        shelf = Shelf(vault, environment, tmp_path / "files")
        shelf.write(**{f"{number}.bin": noise(3000, number) for number in range(4)})
        shelf.make(NOON - 21 * DAY)
        shelf.write(**{f"{number}.bin": noise(2000, 10 + number) for number in range(3)})
        shelf.make(NOON - DAY)
        yield shelf


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


def refuse(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")


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


# Faults


@pytest.fixture
def unchanged(shelf: Shelf, vault: Vault) -> Iterator[None]:
    """Afterwards everything is as it was."""
    before, backups = objects(vault), left(shelf.environment)
    yield
    assert left(shelf.environment) == backups
    assert objects(vault) == before
    assert not any(backup.removal_at for backup in left(shelf.environment))


@pytest.mark.usefixtures("unchanged")
def test_a_vault_of_another_installation_is_refused(shelf: Shelf) -> None:
    Installation.objects.all().delete()
    Installation.objects.create(marked_at=NOON)

    done = prune(shelf.environment)

    assert "belongs to another installation" in done.message


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("what", ["gone", "empty"])
def test_a_vault_that_is_not_mounted_is_refused(shelf: Shelf, vault: Vault, what: str) -> None:
    place = Path(vault.location)  # type: ignore[attr-defined]
    place.rename(f"{place}-unmounted")
    if what == "empty":
        place.mkdir()
    try:
        assert prune(shelf.environment).status == Status.FAILED
    finally:
        if what == "empty":
            place.rmdir()
        Path(f"{place}-unmounted").rename(place)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("folder", ["packs", "backups"])
def test_a_listing_that_fails_removes_nothing(shelf: Shelf, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    real = DirectoryVault._listed

    def failing(vault: DirectoryVault, path: str) -> tuple[list[str], list[str]]:
        if path.endswith(folder):
            with vault._explained():
                raise OSError(5, "Input/output error")
        return real(vault, path)

    with monkeypatch.context() as patch:
        patch.setattr(DirectoryVault, "_listed", failing)
        assert "does not answer" in prune(shelf.environment).message


def test_a_vault_that_refuses_to_delete_is_reported_and_tried_again(
    shelf: Shelf, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = old_of(shelf)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        done = prune(shelf.environment)
    assert (done.status, done.failure) == (Status.FAILED, Failure.ERROR)
    assert "0 expired backups were removed" in done.message
    assert "no rights in the vault" in done.message
    assert done.message.endswith("The next prune tries again.")
    old.refresh_from_db()
    assert old.removal_at is not None
    assert not Activity.objects.filter(action="backup.removed").exists()

    assert prune(shelf.environment, NOON + DAY).status == Status.COMPLETED
    assert old not in left(shelf.environment)


@pytest.mark.parametrize("turn", range(1, 7))
def test_killed_between_two_removals_the_next_one_goes_on(
    shelf: Shelf, vault: Vault, monkeypatch: pytest.MonkeyPatch, turn: int
) -> None:
    shelf.make(NOON - 20 * DAY)
    [new, *_] = left(shelf.environment)
    real, calls = DirectoryVault.delete, [0]

    def killed(own: DirectoryVault, name: str) -> None:
        calls[0] += 1
        if calls[0] == turn:
            raise KeyboardInterrupt
        real(own, name)

    with monkeypatch.context() as patch:
        patch.setattr(DirectoryVault, "delete", killed)
        for at in (NOON, NOON + DAY + timedelta(minutes=1)):
            try:
                prune(shelf.environment, at)
            except KeyboardInterrupt:
                break

    for at in (NOON + DAY * count for count in (2, 4, 6)):
        shelf.make(at)
        assert prune(shelf.environment, at).status == Status.COMPLETED
    assert new in left(shelf.environment)
    assert shelf.read(new) == shelf.saved[new.pk]
    assert Activity.objects.filter(action="backup.removed").count() == 2


def test_what_is_gone_already_is_no_failure(shelf: Shelf, vault: Vault) -> None:
    old = old_of(shelf)
    vault.delete(names.manifest(shelf.environment.pk, old.pk, 1))
    vault.delete(names.dump(shelf.environment.pk, old.pk, 1))

    assert prune(shelf.environment).status == Status.COMPLETED
    assert old not in left(shelf.environment)


def test_a_manifest_that_does_not_read_keeps_every_pack(shelf: Shelf, vault: Vault) -> None:
    place = Path(vault.location) / names.manifest(shelf.environment.pk, left(shelf.environment)[0].pk, 1)  # type: ignore[attr-defined]
    place.write_bytes(place.read_bytes()[:-1])
    packs = {name for name in objects(vault) if "/packs/" in name}

    for at in (NOON, NEXT):
        done = prune(shelf.environment, at)
        assert "it is not known which packs are still needed" in done.message

    assert packs <= objects(vault)


def test_while_a_backup_is_made_no_pack_is_touched(shelf: Shelf, vault: Vault) -> None:
    prune(shelf.environment)
    [backup] = left(shelf.environment)
    running = shelf.begin(NOON + DAY)
    dead = set(DeadObject.objects.values_list("name", flat=True))
    assert dead <= objects(vault)

    prune(shelf.environment, NEXT)

    assert dead <= objects(vault)
    Operation.objects.filter(pk=running.operation_id).update(status=Status.FAILED)
    prune(shelf.environment, NEXT)
    assert not dead & objects(vault)
    assert shelf.read(backup) == shelf.saved[backup.pk]


def test_what_a_running_backup_builds_upon_stays_even_if_it_was_found_to_be_damaged(shelf: Shelf) -> None:
    [new, old] = left(shelf.environment)
    running = shelf.begin(NOON)
    making = shelf.perform(running, 1)
    assert next(making) == "begun"
    Backup.objects.filter(pk=new.pk).update(condition=Condition.DAMAGED, expires_at=NOON - DAY)

    prune(shelf.environment, is_forced=True)

    assert {new, old} <= set(left(shelf.environment))
    for _ in making:
        pass
    running.refresh_from_db()
    assert shelf.read(running) == shelf.files()


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


def test_what_people_delete_is_collected_too(shelf: Shelf) -> None:
    place = EnvironmentFactory()
    OperationFactory(environment=place, kind="delete", finished_at=NOON - timedelta(hours=3))

    assert place in [operation.environment for page in request_due_prunes(NOON) for operation in page]
