"""An S3 store that fails: whatever it does, a backup is whole or not Completed, what was kept still verifies, the
sentence says what happened, nothing is left, and the same request works once the fault is gone."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from backups.choices import Condition
from backups.models import Backup, DeadObject
from backups.operations import making
from backups.operations.create import request_create
from backups.operations.delete import request_delete
from backups.operations.verify import request_verify
from backups.storage import names
from backups.storage.archive import ArchiveSums
from backups.storage.vault import open_vault
from environments import clock
from environments.choices import Status
from environments.lifecycle.run import run_here
from environments.models import Environment, Operation
from tests.backups.operations.pruned import prune
from tests.backups.operations.test_restore import BY, back_up
from tests.backups.storage.trip import everything, noise
from tests.stores.rclone import RcloneStore
from tests.stores.scripted import ScriptedStore
from tests.stores.vaults import BUCKET, use_vault

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1, minutes=1)
DUMP, PACK, MANIFEST = 0, 1, 2  # the order in which a backup's objects are sent
EXPIRED = {"how": "refuse", "times": 1000, "status": 400, "code": "ExpiredToken"}
FULL = {"how": "refuse", "times": 1000, "status": 507, "code": "InsufficientStorage"}
NOT_AS_WRITTEN = "What was read back from the vault is not what was written"
Faults = list[dict[str, Any]]

PASSING: dict[str, Faults] = {
    "F59 slow down": [{"kind": "all", "how": "refuse", "times": 2, "skips": 5}],
    "F59 connection reset": [{"kind": kind, "how": "drop"} for kind in ("begin", "part", "complete", "get", "list")],
    "F59 time-out": [{"kind": "part", "how": "slow", "seconds": 1}, {"kind": "get", "how": "slow", "seconds": 1}],
    "F60 answer lost": [{"kind": kind, "how": "lose"} for kind in ("begin", "part", "complete")],
    "F62 read cut": [{"kind": "get", "how": "cut", "length": 100, "times": 3}],
}
LASTING: dict[str, tuple[Faults, str]] = {
    "F59 for good": ([{"kind": "part", "how": "refuse", "times": 1000}], "fails (ServiceUnavailable)"),
    "F61 dump cut": ([{"kind": "part", "how": "shorten", "skips": DUMP}], NOT_AS_WRITTEN),
    "F61 pack framed": ([{"kind": "part", "how": "frame", "skips": PACK}], NOT_AS_WRITTEN),
    "F61 manifest altered": ([{"kind": "part", "how": "alter", "skips": MANIFEST}], NOT_AS_WRITTEN),
    "F65 full": ([{"kind": "part", "skips": PACK, **FULL}], "No space left in the vault"),
    "F66 expired midway": ([{"kind": "all", "skips": 12, **EXPIRED}], "have expired"),
    "F66 expired at the end": ([{"kind": "complete", "skips": MANIFEST, **EXPIRED}], "have expired"),
    "F68 no list": ([{"kind": "list_uploads", "how": "refuse", "times": 1000}], "fails (ServiceUnavailable)"),
}


@pytest.fixture
def place(make_place: Callable[..., Environment], scripted_store: ScriptedStore, settings: Settings) -> Environment:
    use_vault(settings, scripted_store.endpoint, "ours", read_seconds=0.5)
    return make_place("CREATE TABLE orders AS SELECT n FROM generate_series(1, 100) n")


def write(place: Environment, number: int) -> None:
    (Path(place.files_directory) / f"{number}.bin").write_bytes(noise(50_000, number))


def create(place: Environment) -> Operation:
    return run_here(request_create(place, by=BY, is_rung=False).operation)


def is_good(backup: Backup) -> bool:
    done = run_here(request_verify(backup, by=BY, is_rung=False))
    backup.refresh_from_db()
    return (done.status, backup.condition) == (Status.COMPLETED, Condition.GOOD)


@pytest.mark.parametrize("faults", PASSING.values(), ids=PASSING)
def test_what_passes_is_not_even_noticed(place: Environment, scripted_store: ScriptedStore, faults: Faults) -> None:
    write(place, 1)
    for fault in faults:
        scripted_store.will(**fault)

    done = create(place)

    assert done.status == Status.COMPLETED, done.message
    assert all(fault.times == 0 for fault in scripted_store.faults)
    assert is_good(Backup.objects.get())
    assert not scripted_store.shelves.uploads


@pytest.mark.parametrize(("faults", "sentence"), LASTING.values(), ids=LASTING)
def test_what_lasts_fails_with_its_sentence_and_leaves_nothing(
    place: Environment, scripted_store: ScriptedStore, faults: Faults, sentence: str
) -> None:
    write(place, 1)
    first = back_up(place)
    before = everything(open_vault())
    write(place, 2)
    for fault in faults:
        scripted_store.will(**fault)

    done = create(place)
    scripted_store.faults.clear()

    assert (done.status, sentence in done.message) == (Status.FAILED, True), done.message
    assert Backup.objects.usable().get() == first
    now = clock.now()
    for days in (0, 1):
        assert prune(place, at=now + days * DAY).status == Status.COMPLETED
    assert everything(open_vault()) == before
    assert not scripted_store.shelves.uploads
    assert is_good(first)
    assert create(place).status == Status.COMPLETED


def test_a_store_that_answers_wrongly_later_is_not_believed(place: Environment, scripted_store: ScriptedStore) -> None:
    write(place, 1)
    backup = back_up(place)
    scripted_store.will("get", "alter", times=1000, skips=1)  # the marker is as it was

    assert not is_good(backup)
    assert backup.condition == Condition.DAMAGED


def test_what_is_locked_stays_until_it_may_go(place: Environment, scripted_store: ScriptedStore) -> None:
    write(place, 1)
    first = back_up(place)
    second = back_up(place)
    scripted_store.will("delete", "refuse", times=1000, status=403, code="AccessDenied")

    done = run_here(request_delete(first, by=BY, confirm=None, is_rung=False))
    assert done.status == Status.FAILED
    assert "may be locked until a date" in done.message
    assert scripted_store.asked.count("delete") == 1
    scripted_store.faults.clear()

    assert run_here(request_delete(first, by=BY, confirm=None, is_rung=False)).status == Status.COMPLETED
    assert Backup.objects.get() == second
    assert is_good(second)


def test_a_locked_one_does_not_keep_prune_from_the_rest(place: Environment, scripted_store: ScriptedStore) -> None:
    write(place, 1)
    first, second, third = (back_up(place) for _ in range(3))
    later = clock.now() + timedelta(days=20)
    scripted_store.will("delete", "refuse", status=403, code="AccessDenied")

    done = prune(place, at=later, is_forced=True)

    assert (done.status, "may be locked until a date" in done.message) == (Status.FAILED, True)
    assert set(Backup.objects.all()) == {first, third} or set(Backup.objects.all()) == {second, third}
    assert prune(place, at=later, is_forced=True).status == Status.COMPLETED
    assert Backup.objects.get() == third
    assert is_good(third)


def test_a_list_that_is_old_removes_nothing(place: Environment, scripted_store: ScriptedStore) -> None:
    """What only one backup needs must not look dead because that backup's manifest is not listed."""
    write(place, 1)
    first = back_up(place)
    (Path(place.files_directory) / "1.bin").unlink()
    write(place, 2)
    back_up(place)
    hidden = names.manifest(place.pk, first.pk, 1)
    before = everything(open_vault())
    scripted_store.shelves.hidden = lambda key: key.endswith(hidden)

    now = clock.now()
    for days in (0, 1, 2):
        done = prune(place, at=now + days * DAY)
        assert "it is an old list" in done.message
    assert not DeadObject.objects.exists()
    scripted_store.shelves.hidden = lambda key: False
    assert everything(open_vault()) == before
    assert is_good(first)


def test_packs_that_are_not_listed_for_a_while_are_not_lost(place: Environment, scripted_store: ScriptedStore) -> None:
    write(place, 1)
    first = back_up(place)
    scripted_store.shelves.hidden = lambda key: "/packs/" in key

    assert prune(place).status == Status.COMPLETED
    assert create(place).status == Status.COMPLETED
    scripted_store.shelves.hidden = lambda key: False
    assert all(is_good(backup) for backup in Backup.objects.all())
    assert is_good(first)


@pytest.mark.parametrize("other", ["elsewhere", "ours/below"])
def test_another_prefix_or_bucket_is_not_taken_for_the_vault(
    place: Environment, scripted_store: ScriptedStore, settings: Settings, other: str
) -> None:
    write(place, 1)
    back_up(place)
    before = everything(open_vault())
    use_vault(settings, scripted_store.endpoint, other)

    for done in (create(place), prune(place)):
        assert (done.status, "lacks its marker" in done.message) == (Status.FAILED, True)
    assert everything(open_vault()) == set()
    use_vault(settings, scripted_store.endpoint, "ours")
    assert everything(open_vault()) == before


@pytest.fixture
def mortal_store(tmp_path: Path, settings: Settings, place: Environment) -> Iterator[RcloneStore]:
    """A real store that a test may kill."""
    root = tmp_path / "mortal"
    root.mkdir()
    store = RcloneStore(root)
    store.make_bucket(BUCKET)
    store.start()
    use_vault(settings, store.endpoint, "ours", pauses=(0.2, 0.4, 0.8, 0.8))
    yield store
    store.stop()


def test_a_store_that_is_restarted_between_two_objects_is_waited_for(
    place: Environment, mortal_store: RcloneStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(place, 1)
    real = making.ArchiveSums
    starting = threading.Timer(0.5, mortal_store.start)

    def restarting() -> ArchiveSums:
        mortal_store.stop()
        starting.start()
        return real()

    monkeypatch.setattr(making, "ArchiveSums", restarting)
    done = create(place)
    starting.join()

    assert done.status == Status.COMPLETED, done.message
    assert is_good(Backup.objects.get())


def test_a_store_that_dies_while_it_is_written_to_fails_the_backup_and_no_other(
    place: Environment, mortal_store: RcloneStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(place, 1)
    first = back_up(place)
    write(place, 2)
    real = names.pack

    def dying(*place: Any) -> str:
        mortal_store.stop()
        return real(*place)

    with monkeypatch.context() as patched:
        patched.setattr(names, "pack", dying)
        done = create(place)
    assert (done.status, "cannot be reached" in done.message) == (Status.FAILED, True), done.message

    mortal_store.start()
    assert is_good(first)
    assert create(place).status == Status.COMPLETED
