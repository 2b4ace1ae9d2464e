"""What runs here, how it ended, and the notice of Undo."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backups.models import Backup
from environments import clock
from environments.choices import Failure, Right, Status
from environments.models import Environment, Operation
from tests.factories import BackupFactory, GrantFactory, OperationFactory, PackageFactory
from tests.factories_exchange import GenerationFactory, RestoreFactory
from tests.reading import text, texts

from .conftest import Address, CheckDoor, SignIn

STOP = 286
HTMX = {"HX-Request": "true"}


@pytest.fixture
def backup(environment: Environment) -> Backup:
    return BackupFactory(environment=environment)


def restore_of(backup: Backup, into: Environment, **facts: Any) -> Operation:
    operation: Operation = OperationFactory(environment=into, kind="restore", subject=backup.pk, **facts)
    RestoreFactory(operation=operation, backup=backup, environment=into)
    return operation


def restored(backup: Backup, into: Environment, hours_ago: float = 1.0, **facts: Any) -> Operation:
    """A restore that has ended, with what it displaced kept for Undo."""
    left_at = clock.now() - timedelta(hours=hours_ago)
    operation = restore_of(backup, into, finished_at=left_at, message="Acceptance holds the data.", **facts)
    GenerationFactory(environment=into, operation=operation, left_at=left_at)
    return operation


def test_what_runs_is_for_members(environment: Environment, address: Address, check_door: CheckDoor) -> None:
    check_door(address("current", environment))


def test_a_restore_says_how_far_it_is_and_is_looked_at_again(
    backup: Backup, acceptance: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    operation = restore_of(backup, acceptance, running=True, phase="Loading the database", started_at=clock.now())

    part = sign_in(viewer).get(address("current", acceptance), headers=HTMX)

    words = text(part, id="current")
    assert part.status_code == 200
    assert f"A restore of the backup of Live from {backup.created_at:%Y-%m-%d %H:%M} UTC is Running" in words
    assert "Loading the database step 3 of 4 3.08 of 4.82 GB" in words
    assert "You may leave this page." in words
    assert "The app keeps running" not in words
    assert f"?watched={operation.pk}" in part.content.decode()
    assert b"Cancel" not in part.content


def test_a_queued_one_says_what_it_waits_for(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    OperationFactory(environment=environment, kind="stop", queued=True)

    words = text(sign_in(viewer).get(address("current", environment), headers=HTMX), id="current")

    assert words.startswith("A stop is Queued Queued waiting for a worker")


@pytest.mark.parametrize("is_own", [True, False])
def test_cancelling_is_offered_to_who_asked_and_to_operators(
    backup: Backup,
    acceptance: Environment,
    developer: User,
    operator: User,
    sign_in: SignIn,
    address: Address,
    is_own: bool,
) -> None:
    asked_by = developer if is_own else operator
    operation = restore_of(backup, acceptance, running=True, requested_by=asked_by)
    asked = address("current", acceptance)

    offered = {
        person.username: f"operations/{operation.pk}/cancel/" in client_part
        for person in (developer, operator)
        if (client_part := sign_in(person).get(asked, headers=HTMX).content.decode())
    }

    assert offered == {"dana": is_own, "omar": True}


def test_backups_that_are_made_show_themselves_in_the_list(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    BackupFactory(environment=environment, running=True)

    part = sign_in(viewer).get(address("current", environment), headers=HTMX)

    assert part.status_code == STOP
    assert text(part, id="current") == ""


@pytest.mark.parametrize(("status", "word"), [(Status.COMPLETED, "completed"), (Status.FAILED, "failed")])
def test_the_end_is_told_and_spoken_once(
    backup: Backup, acceptance: Environment, viewer: User, sign_in: SignIn, address: Address, status: str, word: str
) -> None:
    failure = Failure.ERROR if status == Status.FAILED else ""
    facts = {"status": status, "failure": failure, "message": "It is as it is.", "finished_at": clock.now()}
    operation = restore_of(backup, acceptance, **facts)
    client = sign_in(viewer)

    watching = client.get(address("current", acceptance, watched=str(operation.pk)), headers=HTMX)
    assert watching.status_code == STOP
    assert f"UTC {word}. It is as it is." in text(watching, id="announcement")
    assert f"UTC {status} It is as it is." in text(watching, id="current")
    assert b"data-live" not in watching.content

    later = client.get(address("current", acceptance), headers=HTMX)
    assert texts(later, id="announcement") == []
    assert "It is as it is." in text(later, id="current")

    closed = client.get(address("current", acceptance, closed=str(operation.pk)), headers=HTMX)
    assert text(closed, id="current") == ""


@pytest.mark.parametrize(
    ("status", "ago", "is_told"),
    [
        (Status.COMPLETED, timedelta(minutes=9), True),
        (Status.COMPLETED, timedelta(minutes=11), False),
        (Status.FAILED, timedelta(hours=23), True),
        (Status.FAILED, timedelta(hours=25), False),
    ],
)
def test_ends_are_told_for_a_while(
    environment: Environment,
    viewer: User,
    sign_in: SignIn,
    address: Address,
    status: str,
    ago: timedelta,
    is_told: bool,
) -> None:
    OperationFactory(environment=environment, kind="stop", status=status, message="So.", finished_at=clock.now() - ago)

    words = text(sign_in(viewer).get(address("current", environment), headers=HTMX), id="current")

    assert ("So." in words) is is_told


def test_the_notice_says_what_is_live_and_until_when_it_can_be_undone(
    backup: Backup, acceptance: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    operation = restored(backup, acceptance, requested_by_name="Tomasz Wieczorek")
    until = operation.generation.undo_until

    words = text(sign_in(operator).get(address("current", acceptance), headers=HTMX), class_="is-undo")

    assert words.startswith(f"Acceptance holds the backup of Live from {backup.created_at:%Y-%m-%d %H:%M} UTC Since ")
    assert f"restored by Tomasz Wieczorek. Undo until {until:%Y-%m-%d %H:%M} UTC (23 hours left)." in words
    assert words.endswith("Undo")
    assert "Deploy" not in words


def test_undo_is_offered_with_the_right_of_what_it_undoes_only(
    backup: Backup, acceptance: Environment, operator: User, developer: User, sign_in: SignIn, address: Address
) -> None:
    restored(backup, acceptance)
    GrantFactory(
        environment=acceptance, membership=operator.memberships.get(), rights=[Right.VIEW, Right.UPLOAD, Right.OPERATE]
    )

    for person in (developer, operator):
        part = sign_in(person).get(address("current", acceptance), headers=HTMX)
        assert "Undo until" in text(part, class_="is-undo")
        assert address("undo", acceptance) not in part.content.decode()


def test_an_expired_undo_and_one_under_way_show_no_notice(
    backup: Backup, acceptance: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    client, asked = sign_in(viewer), address("current", acceptance)
    restored(backup, acceptance, hours_ago=25)
    assert texts(client.get(asked, headers=HTMX), class_="is-undo") == []

    restored(backup, acceptance)
    assert texts(client.get(asked, headers=HTMX), class_="is-undo")
    OperationFactory(environment=acceptance, kind="undo", running=True)
    assert texts(client.get(asked, headers=HTMX), class_="is-undo") == []


def test_data_of_another_version_says_which_package_it_needs(
    backup: Backup, acceptance: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    restored(backup, acceptance)
    acceptance.package = PackageFactory(app=acceptance.app, model_version="1.5.0.7")
    acceptance.save()

    words = text(sign_in(viewer).get(address("current", acceptance), headers=HTMX), class_="is-undo")

    assert "1.5.0.7 is deployed; this data was made with 1.4.2.118." in words


def test_data_without_a_package_leads_to_the_packages(
    backup: Backup, acceptance: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    restored(backup, acceptance)
    Backup.objects.update(model_version="")
    acceptance.package = None
    acceptance.save()

    notice = sign_in(operator).get(address("current", acceptance), headers=HTMX)

    assert "No package is deployed. Choose one to deploy" in text(notice, class_="is-undo")
    assert f'href="{address("environment", acceptance)}#packages"' in notice.content.decode()


def test_what_was_cancelled_is_no_failure_and_left_the_data(
    backup: Backup, acceptance: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    facts = {"status": Status.FAILED, "failure": Failure.CANCELLED, "message": "Cancelled by Ines."}
    restore_of(backup, acceptance, finished_at=clock.now(), **facts)

    answer = sign_in(viewer).get(address("current", acceptance), headers=HTMX)

    words = text(answer, id="current")
    assert "was cancelled" in words and "Failed" not in words
    assert "Cancelled by Ines. Acceptance holds the data that it held before." in words
    assert texts(answer, class_="is-bad") == []


def test_without_script_it_is_a_page_that_looks_again_by_itself(
    backup: Backup, acceptance: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    client, asked = sign_in(viewer), address("current", acceptance)
    idle = client.get(asked)
    assert "Nothing runs here now" in idle.content.decode()
    assert "Refresh" not in idle

    restore_of(backup, acceptance, running=True)
    busy = client.get(asked)
    assert busy["Refresh"] == "5"
    assert b"<html" in busy.content
    assert b"data-live" not in busy.content


def test_the_backups_page_brings_the_fragment_along(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    page = sign_in(viewer).get(address("list", environment)).content.decode()

    assert f'hx-get="{address("current", environment)}" hx-trigger="load"' in page


def test_it_costs_the_same_however_much_has_happened(
    backup: Backup, acceptance: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    client, asked = sign_in(viewer), address("current", acceptance)
    counts = []
    for hours in (5, 4, 3, 2, 1):
        restored(backup, acceptance, hours_ago=hours)
        with CaptureQueriesContext(connection) as queries:
            client.get(asked, headers=HTMX)
        counts.append(len(queries))

    assert counts == [counts[0]] * 5
    assert counts[-1] <= 8
