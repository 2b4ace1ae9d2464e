"""Rows that refresh themselves: what is sent, and when it ends."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from backups.models import Backup
from environments import clock
from environments.choices import Status
from environments.models import Environment, Operation
from tests.factories import BackupFactory, OperationFactory
from tests.reading import text, texts

from .conftest import Address, CheckDoor, SignIn

STOP = 286


@pytest.fixture
def running(environment: Environment) -> Backup:
    return BackupFactory(environment=environment, running=True)


def test_rows_are_for_members(running: Backup, address: Address, check_door: CheckDoor) -> None:
    check_door(address("rows", running.environment, ids=str(running.pk)))


def test_a_page_asks_again_only_while_something_changes(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    BackupFactory(environment=environment)
    client = sign_in(viewer)
    assert b"data-live" not in client.get(address("list", environment)).content

    running = BackupFactory(environment=environment, running=True)

    page = client.get(address("list", environment, kind="person")).content.decode()
    assert f"rows/?kind=person&amp;ids={running.pk}&amp;unit=GB" in page
    assert 'hx-trigger="every 2s"' in page


def test_a_running_row_is_sent_whole_and_nothing_is_announced(
    running: Backup, viewer: User, sign_in: SignIn, address: Address
) -> None:
    part = sign_in(viewer).get(address("rows", running.environment, ids=str(running.pk), unit="GB"))

    assert part.status_code == 200
    assert f'<tr role="row" id="backup-{running.pk}"' in part.content.decode()
    assert texts(part, id="announcement") == []
    assert text(part, id="running") == "1 operation running"
    assert b"<html" not in part.content


@pytest.mark.parametrize(("status", "word"), [(Status.COMPLETED, "completed"), (Status.FAILED, "failed")])
def test_the_end_is_announced_and_ends_the_asking(
    running: Backup, viewer: User, sign_in: SignIn, address: Address, status: str, word: str
) -> None:
    Operation.objects.update(status=status, finished_at=clock.now())

    part = sign_in(viewer).get(address("rows", running.environment, ids=str(running.pk)))

    assert part.status_code == STOP
    assert text(part, id="announcement") == f"Backup of {running.created_at:%Y-%m-%d %H:%M} UTC {word}."
    assert texts(part, id="running") == [""]


def test_while_another_still_runs_the_asking_goes_on(
    running: Backup, viewer: User, sign_in: SignIn, address: Address
) -> None:
    ended = BackupFactory(environment=running.environment)

    part = sign_in(viewer).get(address("rows", running.environment, ids=f"{running.pk},{ended.pk}"))

    assert part.status_code == 200
    assert "completed" in text(part, id="announcement")


def test_a_deleted_row_goes(environment: Environment, viewer: User, sign_in: SignIn, address: Address) -> None:
    leaving = BackupFactory(environment=environment, removal_at=clock.now())
    delete = OperationFactory(environment=environment, kind="delete", queued=True, subject=leaving.pk)
    client = sign_in(viewer)
    asked = address("rows", environment, ids=str(leaving.pk), panel=str(leaving.pk))

    part = client.get(asked)
    assert part.status_code == 200
    assert text(part, class_="c-status") == "Completed being deleted"

    Backup.objects.filter(pk=leaving.pk).delete()
    Operation.objects.filter(pk=delete.pk).update(status=Status.COMPLETED)
    part = client.get(asked)
    assert part.status_code == STOP
    assert f'<tr id="backup-{leaving.pk}" data-gone>' in part.content.decode()
    assert text(part, id="announcement") == "1 backup deleted."
    assert text(part, id="details").startswith("This backup is gone")


def test_an_open_panel_is_sent_with_its_row(running: Backup, viewer: User, sign_in: SignIn, address: Address) -> None:
    ids = {"ids": str(running.pk), "panel": str(running.pk)}

    part = sign_in(viewer).get(address("rows", running.environment, **ids))

    assert "Saving the uploaded files" in text(part, id="details")


def test_foreign_and_senseless_ids_bring_nothing(
    running: Backup, acceptance: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    foreign = BackupFactory(environment=acceptance, running=True, created_at=clock.now() - timedelta(hours=1))

    part = sign_in(viewer).get(
        address("rows", running.environment, ids=f"x,,{foreign.pk},{uuid.uuid4()}", panel=str(foreign.pk))
    )

    assert part.status_code == STOP
    assert texts(part, class_="c-status") == []
    assert "3.08" not in part.content.decode()
