"""Delete: what goes, what stays, and what is never deleted."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from backups.choices import Condition
from backups.errors import BackupBeingRestored, BackupLeaving, BackupNotEnded, LastGoodBackup, VaultUnreachable
from backups.models import Backup
from backups.operations.comment import change_comment
from backups.operations.delete import request_delete
from backups.storage import names
from backups.storage.vault import DirectoryVault
from environments.actors import Actor
from environments.choices import Origin, Status
from environments.lifecycle.run import run_here
from environments.models import Activity, Environment, Operation
from tests.backups.operations.test_create import make
from tests.factories import BackupFactory, EnvironmentFactory, OperationFactory

pytestmark = pytest.mark.django_db(transaction=True)
BY = Actor("Ines Duarte", Origin.PERSON)


@pytest.fixture
def place(make_place: Callable[..., Environment]) -> Environment:
    environment = make_place("CREATE TABLE orders (id int)")
    (Path(environment.files_directory) / "one.txt").write_text("one")
    return environment


def delete(backup: Backup) -> str:
    return run_here(request_delete(backup, by=BY, confirm=None, is_rung=False)).status


def stored(backup: Backup) -> list[str]:
    return [path.name for path in Path(settings.VAULT_LOCATION).rglob(f"*{backup.pk}*/*")]


def test_the_row_the_manifest_and_the_dump_go_and_the_packs_stay(place: Environment) -> None:
    older, newer = make(place), make(place)

    assert delete(older) == Status.COMPLETED

    assert list(Backup.objects.all()) == [newer]
    assert stored(older) == []
    assert sorted(stored(newer)) == ["db.backup", "manifest.zst", "notes.0000000001.json"]
    packs = Path(settings.VAULT_LOCATION) / names.packs_folder(place.pk)
    assert [path.name for path in packs.iterdir()] == [f"{older.pk}.1.0"]  # the newer one is built upon it
    actions = set(Activity.objects.filter(subject=older.pk).values_list("action", flat=True))
    assert actions >= {"delete.requested", "backup.deleted"}


def test_the_newest_good_one_stays_whatever_is_newer(place: Environment) -> None:
    good = make(place)
    BackupFactory(environment=place, failed=True)
    damaged = BackupFactory(environment=place, condition=Condition.DAMAGED)

    with pytest.raises(LastGoodBackup):
        request_delete(good, by=BY, confirm=None)
    assert delete(damaged) == Status.COMPLETED


def test_what_is_being_made_or_leaving_is_refused(place: Environment) -> None:
    older, _ = make(place), make(place)
    running = BackupFactory(environment=place, running=True)
    with pytest.raises(BackupNotEnded):
        request_delete(running, by=BY, confirm=None)

    request_delete(older, by=BY, confirm=None, is_rung=False)
    with pytest.raises(BackupLeaving):
        request_delete(older, by=BY, confirm=None)


@pytest.mark.parametrize("state", ["queued", "running"])
def test_what_is_being_restored_stays(place: Environment, state: str) -> None:
    older, _ = make(place), make(place)
    elsewhere = EnvironmentFactory(app=place.app)
    restore = OperationFactory(environment=elsewhere, kind="restore", subject=older.pk, **{state: True})

    with pytest.raises(BackupBeingRestored, match="Delete it when that has ended"):
        request_delete(older, by=BY, confirm=None)
    Operation.objects.filter(pk=restore.pk).update(status=Status.COMPLETED)

    assert delete(older) == Status.COMPLETED


def test_a_vault_that_refuses_is_said_and_it_can_be_tried_again(
    place: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, _ = make(place), make(place)

    def refuse(vault: DirectoryVault, name: str) -> None:
        raise VaultUnreachable("The vault can only be read.")

    with monkeypatch.context() as patch:
        patch.setattr(DirectoryVault, "delete", refuse)
        assert delete(older) == Status.FAILED
    assert Backup.objects.filter(pk=older.pk).exists()
    assert delete(older) == Status.COMPLETED


def test_a_comment_is_changed_once_and_told(place: Environment) -> None:
    backup = BackupFactory(environment=place, comment="old")
    for _ in range(2):
        change_comment(backup, by=BY, comment=" <b>new</b> ")

    backup.refresh_from_db()
    assert backup.comment == "<b>new</b>"
    told = Activity.objects.get(action="backup.commented")
    assert (told.facts["old"], told.facts["new"]) == ("old", "<b>new</b>")
