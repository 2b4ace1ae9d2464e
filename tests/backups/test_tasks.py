"""The clock's own door: each task asks for what is due, and can be called by its name."""

import io
from datetime import timedelta

import pytest
from django.core import mail
from django.utils.module_loading import import_string

from backups.models import Backup
from backups.operations.package import register_package
from backups.storage.portal_copies import copies
from backups.storage.vault import open_vault
from backups.tasks import SCHEDULES
from environments import clock
from environments.actors import PORTAL
from environments.clock import turned_to
from environments.models import Environment, Operation
from tests.backups.operations.nights import regions, since
from tests.factories import BackupFactory

pytestmark = pytest.mark.django_db


def call(name: str) -> None:
    [schedule] = [one for one in SCHEDULES if one.name == name]
    import_string(schedule.task)()


@pytest.fixture
def live(environment: Environment) -> Environment:
    regions()
    return since(environment, clock.now() - timedelta(days=3))


def test_the_night_is_queued(live: Environment) -> None:
    call("nightly")
    call("nightly")

    assert Backup.objects.get().created_by == "Nightly"


def test_what_has_expired_is_asked_to_be_pruned(live: Environment) -> None:
    BackupFactory(environment=live, created_at=clock.now() - timedelta(days=100))

    call("prune")
    call("prune")

    assert Operation.objects.get(kind="prune").environment == live


def test_what_is_new_is_asked_to_be_verified(live: Environment) -> None:
    backup = BackupFactory(environment=live)

    call("verify")

    assert Operation.objects.get(kind="verify").subject == backup.pk


def test_what_is_wrong_is_told(live: Environment, technical_contact: object) -> None:
    call("alarm")

    [message] = mail.outbox
    assert message.to == ["tess@example.org"]


def test_packages_that_nobody_names_are_let_go(live: Environment) -> None:
    with clock.turned_to(clock.now() - timedelta(days=2)):
        package = register_package(
            live.app, model_version="1", modeler_version="", file=io.BytesIO(b"x"), filename="x", by=PORTAL
        )
    call("packages")
    assert open_vault().exists(package.stored_as)

    package.delete()
    call("packages")
    assert not open_vault().exists(package.stored_as)


@pytest.mark.django_db(transaction=True)  # SQLite copies itself outside of any
def test_the_portals_own_database_is_saved_once_a_night_and_thirty_copies_are_kept(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("portal")
    call("portal")
    [first] = copies(open_vault())

    monkeypatch.setattr("backups.operations.save_portal.KEPT", 2)
    for days in (1, 2, 3):
        with turned_to(clock.now() + timedelta(days=days)):
            call("portal")

    kept = copies(open_vault())
    assert len(kept) == 2
    assert first not in kept
    assert len(open_vault().listdir("portal")[1]) == 4
