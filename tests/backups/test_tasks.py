"""The clock's own door: each task asks for what is due, and can be called by its name."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils.module_loading import import_string

from backups.models import Backup
from backups.tasks import SCHEDULES
from environments import clock
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
