"""What can go wrong with a restore: the data is whole, old or new; it is said; afterwards the same request works."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection

from backups.engines import staging
from backups.models import Backup
from backups.operations.restore import request_restore
from backups.operations.undo import request_undo
from backups.storage import swaps
from environments import clock, states
from environments.actors import Actor
from environments.choices import Role, Status
from environments.errors import EnvironmentBusy
from environments.lifecycle.run import run_here
from environments.models import Environment, Membership
from environments.operations import start
from portal.demo.postgres import Postgres
from tests.apps import App
from tests.factories import MembershipFactory, UserFactory

from .obstacles import OBSTACLES, World
from .test_restore import BY, ROWS, app, back_up, change, fill, leftovers, place, restore, state

__all__ = ["app", "place"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "STAYS_UP_SECONDS", 0.1)
    monkeypatch.setattr(start, "LOOK_EVERY_SECONDS", 0.1)
    monkeypatch.setattr(states, "AGAIN_AFTER_SECONDS", 0.1)


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_before_the_app_is_stopped(obstacle: str, place: Environment, app: App, postgres: Postgres) -> None:
    """The app is never stopped, nothing is changed or left behind, and once the obstacle is gone it works."""
    arrange, said, statements = OBSTACLES[obstacle]
    world = World(place, postgres)
    world.say(*statements, database=world.name)
    was = state(place)
    backup = back_up(place)
    change(place)
    changed = state(place)

    with arrange(world):
        operation = restore(backup, place)

    assert operation.status == Status.FAILED
    assert said.format(user=world.name) in operation.message
    assert "unexpected" not in operation.message
    assert state(place) == changed
    assert app.is_running
    assert not app.trace.exists()
    assert leftovers(place) == []
    again = restore(backup, place)
    assert again.status == Status.COMPLETED, again.message
    assert state(place) == was


@contextmanager
def mounted(*words: str, at: Path) -> Iterator[bool]:
    """Whether something could be mounted there; not every machine lets its tests do that."""
    done = subprocess.run(["mount", *words, str(at)], capture_output=True, check=False).returncode == 0
    try:
        yield done
    finally:
        if done:
            subprocess.run(["umount", str(at)], check=True)


def as_link(place: Environment, world: ExitStack, patch: pytest.MonkeyPatch) -> Path:
    live = Path(place.files_directory)
    real = live.rename(live.with_name("real"))
    live.symlink_to(real)
    return live


def as_mount_point(place: Environment, world: ExitStack, patch: pytest.MonkeyPatch) -> Path:
    live = Path(place.files_directory)
    if not world.enter_context(mounted("-t", "tmpfs", "tmpfs", at=live)):
        patch.setattr(swaps.os.path, "ismount", lambda path: path == live)
    return live


def as_source_of_a_mount(place: Environment, world: ExitStack, patch: pytest.MonkeyPatch) -> Path:
    """Seen from the second place, where the app may be."""
    live = Path(place.files_directory)
    second = live.with_name("second")
    second.mkdir()
    if world.enter_context(mounted("--bind", str(live), at=second)):
        return second
    patch.setattr(swaps, "is_source_of_a_mount", lambda path: path == live)
    return live


@pytest.mark.parametrize("arrange", [as_link, as_mount_point, as_source_of_a_mount])
def test_a_files_directory_that_cannot_just_be_renamed(
    arrange: Callable[[Environment, ExitStack, pytest.MonkeyPatch], Path],
    make_place: Callable[..., Environment],
    app: App,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ExitStack() as world:
        place = make_place(*ROWS, commands=app.commands)
        seen_at = arrange(place, world, monkeypatch)
        fill(place, "old")
        was = state(place)
        backup = back_up(place)
        change(place)
        changed = state(place)

        restored = restore(backup, place)
        assert (restored.status, restored.message.count("holds")) == (Status.COMPLETED, 1), restored.message
        assert state(place) == was
        assert not (seen_at / "folder" / "new.txt").exists()
        undone = run_here(request_undo(place, by=BY, confirm=None, is_rung=False))
        assert undone.status == Status.COMPLETED, undone.message
        assert state(place) == changed
        assert (seen_at / "folder" / "new.txt").exists()
        assert leftovers(place) == []


@pytest.fixture
def contact(place: Environment) -> User:
    """Somebody who may do everything with the app."""
    user: User = UserFactory()
    MembershipFactory(app=place.app, user=user, role=Role.TECHNICAL_CONTACT)
    return user


def test_rights_withdrawn_while_it_loads_end_it(
    place: Environment, app: App, contact: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = back_up(place)
    change(place)
    changed, real = state(place), staging.check_staging

    def check(*given: object) -> None:
        Membership.objects.filter(user=contact).delete()
        real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(staging, "check_staging", check)
    asked = request_restore(
        backup, into=place, by=Actor.person(contact), confirm=None, may_stop_app=True, is_rung=False
    )

    operation = run_here(asked)

    assert operation.status == Status.FAILED
    assert "no longer holds the right" in operation.message
    assert state(place) == changed
    assert not app.trace.exists()
    assert leftovers(place) == []


def test_a_backup_that_is_leaving_by_then_is_not_restored(place: Environment, app: App) -> None:
    backup = back_up(place)
    asked = request_restore(backup, into=place, by=BY, confirm=None, may_stop_app=True, is_rung=False)
    Backup.objects.filter(pk=backup.pk).update(removal_at=clock.now())

    operation = run_here(asked)

    assert (operation.status, "being deleted" in operation.message) == (Status.FAILED, True)
    assert not app.trace.exists()


def test_of_restores_at_once_one_goes_on_and_the_others_are_told_whose(place: Environment) -> None:
    backup = back_up(place)
    gate, told = threading.Barrier(4), []

    def ask() -> None:
        gate.wait()
        try:
            request_restore(backup, into=place, by=BY, confirm=None, may_stop_app=True, is_rung=False)
        except EnvironmentBusy as busy:
            told.append(str(busy))
        finally:
            connection.close()

    people = [threading.Thread(target=ask) for _ in range(4)]
    for person in people:
        person.start()
    for person in people:
        person.join()

    assert len(told) == 3
    assert all("A restore" in sentence and BY.name in sentence for sentence in told)
