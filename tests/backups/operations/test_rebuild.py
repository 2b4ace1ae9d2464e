"""The portal survives its own loss: the vault alone tells every backup again, as it was."""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from backups.choices import Condition
from backups.models import Backup, Installation
from backups.operations.comment import change_comment
from backups.operations.create import request_create
from backups.operations.note import note_rest
from backups.operations.pin import pin
from backups.operations.verify import request_verify
from backups.storage import names
from environments import clock
from environments.actors import NIGHTLY
from environments.choices import Status
from environments.errors import EnvironmentUnregistered
from environments.lifecycle.claim import claim
from environments.lifecycle.run import run_here
from environments.models import Activity, Environment, Operation, Package
from tests.backups.operations.lost import held, listed, lose, rebuilt, whole
from tests.backups.operations.pruned import DAY, prune
from tests.backups.operations.test_restore import BY, ROWS, back_up, change, fill, restore, state
from tests.factories import RegionStartFactory
from tests.stores.rclone import RcloneStore
from tests.stores.vaults import use_vault

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["directory", "s3"])
def place(
    request: pytest.FixtureRequest, make_place: Callable[..., Environment], settings: Settings, tmp_path: Path
) -> Environment:
    if request.param == "s3":
        store: RcloneStore = request.getfixturevalue("real_store")
        use_vault(settings, store.endpoint, tmp_path.name)
    environment = filled(make_place)
    environment.is_production = True
    environment.save()
    return environment


@pytest.fixture
def here(make_place: Callable[..., Environment]) -> Environment:
    """The same, in a directory."""
    return filled(make_place)


def filled(make_place: Callable[..., Environment]) -> Environment:
    environment = make_place(*ROWS, name="Acceptance", slug="accp")
    fill(environment, "old")
    return environment


def nightly(environment: Environment, slot: datetime) -> Backup:
    backup = request_create(environment, by=NIGHTLY, at=slot, slot_at=slot, is_rung=False)
    assert run_here(backup.operation).status == Status.COMPLETED
    return backup


def verify(backup: Backup) -> None:
    run_here(request_verify(backup, by=BY, is_rung=False))


def damage(backup: Backup) -> None:
    """Verified once more, when its dump was found to be another."""
    Backup.objects.filter(pk=backup.pk).update(dump_sha256="0" * 64)
    verify(backup)
    Backup.objects.filter(pk=backup.pk).change_noted(dump_sha256=backup.dump_sha256)
    assert note_rest() == 0


def register(environment: Environment, was: Environment) -> None:
    address = was.database_address
    url = address.to_url().replace("@", f":{quote(address.password, safe='')}@", 1)
    RegionStartFactory()
    call_command("register_environment", str(environment), database=url, files=was.files_directory)


def whole_row(backup: Backup) -> Backup:
    return Backup.objects.select_related("operation", "environment__app", "environment__region").get(pk=backup.pk)


def a_shelf(place: Environment) -> Backup:
    """Every kind of backup that a list may show; returns the one that is pinned."""
    now = clock.now()
    weekday = next(now - days * DAY for days in (16, 17) if (now - days * DAY).isoweekday() != 7)
    expired = nightly(place, weekday)
    nightly(place, now - 2 * DAY)
    commented = back_up(place)
    change(place)
    pinned = back_up(place)
    damaged = back_up(place)
    change_comment(commented, by=BY, comment="before the merger – «täglich»\nand after")
    pin(pinned, by=BY, reason="audit", until=now + 400 * DAY)
    verify(commented)
    damage(damaged)
    pruned = prune(place, at=now)
    assert pruned.status == Status.COMPLETED, pruned.message
    assert not Backup.objects.filter(pk=expired.pk).exists()
    failed, files = request_create(place, by=BY, is_rung=False), Path(place.files_directory)
    away = files.rename(files.with_name("away"))
    assert run_here(failed.operation).status == Status.FAILED
    away.rename(files)
    assert claim(request_create(place, by=BY, is_rung=False).operation_id)  # it runs, and nobody ends it
    return Backup.objects.get(pk=pinned.pk)


def test_a_lost_database_comes_back_from_the_vault_alone(place: Environment) -> None:
    pinned = a_shelf(place)
    before, name, objects, packages = listed(str(place)), str(place), held(), Package.objects.count()
    assert {one["status"] for one in before} == {"Completed", "Failed", "Running"}
    assert {one["condition"] for one in whole(before)} == {"good", "damaged", "unverified"}
    pins = Backup.objects.filter(pk=pinned.pk).values("pinned_at", "pinned_until", "pin_reason")[0]
    was = Environment.objects.get(pk=place.pk)
    installation = Installation.own().pk
    lose()

    assert [one["found"] for one in rebuilt("--dry-run")] == [4]
    assert not Environment.objects.exists() and Installation.own().pk != installation
    [done] = rebuilt()

    assert (done["name"], done["is_new"], done["found"], done["problems"]) == (name, True, 4, [])
    assert listed(name) == whole(before)
    assert held() == objects
    again = Environment.objects.select_related("app", "region").get(pk=place.pk)
    assert (again.name, again.is_production, again.region.slug) == ("Acceptance", True, "europe")
    assert Backup.objects.filter(pk=pinned.pk).values("pinned_at", "pinned_until", "pin_reason")[0] == pins
    assert Installation.own().pk == installation and Package.objects.count() == packages
    assert Activity.objects.filter(action="backup.found").count() == 4

    [second] = rebuilt()
    assert (second["found"], second["known"], listed(name)) == (0, 4, whole(before))
    with pytest.raises(EnvironmentUnregistered, match="register_environment"):
        request_create(again, by=BY, is_rung=False)
    register(again, was)
    Environment.objects.update(is_production=False)  # whose name would have to be typed
    again = Environment.objects.select_related("app", "region", "package").get(pk=place.pk)
    back = restore(whole_row(pinned), again, is_said_stopped=True)
    assert back.status == Status.COMPLETED, back.message
    verify(pinned)
    assert Backup.objects.get(pk=pinned.pk).condition == Condition.GOOD
    assert prune(again, at=clock.now()).status == Status.COMPLETED
    newest = back_up(again)  # built upon what was found
    prune(again, at=clock.now() + 2 * DAY)
    verify(newest)
    assert Backup.objects.get(pk=newest.pk).condition == Condition.GOOD


def test_restored_data_is_what_was_backed_up(here: Environment) -> None:
    backup, was = back_up(here), state(here)
    change(here)
    known = Environment.objects.get(pk=here.pk)
    lose()
    rebuilt()
    register(here, known)

    again = Environment.objects.select_related("app", "region", "package").get(pk=here.pk)
    done = restore(whole_row(backup), again, is_said_stopped=True)

    assert done.status == Status.COMPLETED, done.message
    assert state(here) == was


def test_backups_without_notes_come_back_from_their_manifests(here: Environment) -> None:
    backup = request_create(here, by=BY, comment="said at once", is_rung=False)
    run_here(backup.operation)
    [before] = listed(str(here))
    for notes in Path(settings.VAULT_LOCATION).rglob("notes.*"):
        notes.unlink()
    lose()

    rebuilt()

    [after] = listed(str(here))
    lost = {name: after[name] for name in ("message", "duration_seconds", "operation")}
    assert lost["message"] == "Found in the vault." and lost["duration_seconds"] is None
    assert after | lost == before | lost
    verify(Backup.objects.get())
    assert Backup.objects.get().condition == Condition.GOOD


def test_what_cannot_be_believed_is_named_and_the_rest_comes_back(here: Environment) -> None:
    cut, foreign, unnoted, good = (back_up(here) for _ in range(4))
    pin(unnoted, by=BY, reason="audit")
    root = Path(settings.VAULT_LOCATION)
    folders = {one.pk: root / names.backup_folder(here.pk, one.pk, 1) for one in (cut, foreign, unnoted, good)}
    manifest = folders[cut.pk] / names.MANIFEST
    manifest.write_bytes(manifest.read_bytes()[:-5])
    (folders[foreign.pk] / names.MANIFEST).write_bytes((folders[good.pk] / names.MANIFEST).read_bytes())
    [notes] = folders[unnoted.pk].glob("notes.*")
    notes.write_bytes(b"{")
    (root / "environments" / "lost+found").mkdir()
    before = held()
    lose()

    with pytest.raises(CommandError) as refused:
        call_command("rebuild_catalogue", json=True)

    said = str(refused.value)
    for pk, folder in folders.items():
        assert (folder.name in said) == (pk != good.pk)
    assert said.endswith("3 cannot be believed. Nothing was removed; all else was looked at.")
    assert set(Backup.objects.values_list("pk", flat=True)) == {good.pk, unnoted.pk}
    assert Backup.objects.get(pk=unnoted.pk).pin_reason == ""
    assert held() == before


def test_a_portal_with_a_vault_of_its_own_is_refused(here: Environment) -> None:
    back_up(here)
    Installation.objects.all().delete()
    other = Installation.objects.create(marked_at=clock.now())
    with pytest.raises(CommandError, match="belongs to another installation"):
        call_command("rebuild_catalogue")
    other.delete()
    assert Installation.own().marked_at is None  # it never wrote; but it has backups
    with pytest.raises(CommandError, match="belongs to another installation"):
        call_command("rebuild_catalogue")
    assert Backup.objects.count() == 1


def test_an_empty_vault_is_named() -> None:
    Path(settings.VAULT_LOCATION).mkdir(parents=True)
    with pytest.raises(CommandError, match=re.escape("lacks its marker")):
        call_command("rebuild_catalogue")


def test_a_place_whose_name_is_taken_gets_another(here: Environment) -> None:
    backup, app = back_up(here), here.app.slug
    lose()
    rebuilt()
    Environment.objects.update(slug="elsewhere", database="postgresql://a@b/c")
    Backup.objects.all().delete()
    Operation.objects.all().delete()
    taken = Environment.objects.get()
    Environment.objects.create(
        app=taken.app, region=taken.region, slug="accp", name="New", database="postgresql://a@b/d", files_directory="/x"
    )
    Environment.objects.filter(pk=taken.pk).delete()

    [done] = rebuilt()

    assert done["name"] == f"{app}/accp-{here.pk.hex[:8]}"
    assert Backup.objects.get().pk == backup.pk
    assert Environment.objects.count() == 2
