"""Pruning among faults: whatever fails, nothing that is needed goes, and the next one goes on."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from backups.choices import Condition
from backups.models import Backup, DeadObject, Installation
from backups.storage import names
from backups.storage.vault import DirectoryVault, Vault
from environments.choices import Failure, Status
from environments.models import Activity, Operation
from tests.backups.operations.shelves import Shelf

from .pruned import DAY, NEXT, NOON, left, objects, old_of, prune, refuse

pytestmark = pytest.mark.django_db


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
