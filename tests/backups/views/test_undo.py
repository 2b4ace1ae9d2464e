"""Undo: what comes back, what is asked, and what is refused."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from backups.models import Generation
from environments import clock
from environments.choices import Right
from environments.models import Environment, Operation
from tests.apps import App
from tests.cast import signed_in
from tests.factories import AppServiceFactory, BackupFactory, GrantFactory, OperationFactory, PackageFactory
from tests.factories_exchange import GenerationFactory, RestoreFactory
from tests.reading import text, texts

from .conftest import Address, CheckDoor, SignIn


@pytest.fixture
def place(acceptance: Environment, running: App) -> Environment:
    """Acceptance, with an app that runs."""
    acceptance.commands = running.commands
    acceptance.save()
    return acceptance


@pytest.fixture
def left(place: Environment, environment: Environment) -> Generation:
    """What left Acceptance an hour ago, when a backup of Live was restored into it."""
    backup = BackupFactory(environment=environment)
    operation = OperationFactory(environment=place, kind="restore", subject=backup.pk)
    RestoreFactory(operation=operation, backup=backup, environment=place)
    generation: Generation = GenerationFactory(environment=place, operation=operation)
    return generation


def agreed(left: Generation, **more: str) -> dict[str, str]:
    return {"generation": str(left.pk), **more}


def test_undoing_is_for_who_may_restore(
    left: Generation, place: Environment, developer: User, address: Address, check_door: CheckDoor
) -> None:
    check_door(address("undo", place), without=developer, wrong="delete")
    check_door(address("undo", place), without=developer, wrong="put", method="post")
    assert not Operation.objects.filter(kind="undo").exists()


def test_an_upload_is_undone_by_who_may_upload(
    place: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    left = GenerationFactory(environment=place, operation=OperationFactory(environment=place, kind="upload"))
    membership = operator.memberships.get()
    grant = GrantFactory(environment=place, membership=membership, rights=[Right.VIEW, Right.RESTORE])
    client = sign_in(operator)
    assert client.post(address("undo", place), agreed(left)).status_code == 403

    grant.rights = [Right.VIEW, Right.UPLOAD]
    grant.save()
    assert client.post(address("undo", place), agreed(left)).status_code == 302


def test_the_dialog_says_what_comes_back_and_what_leaves(
    left: Generation, place: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    left.package = PackageFactory(app=place.app, model_version="1.3.9")
    left.services = [["Orders", "2.0"]]
    left.save()
    AppServiceFactory(environment=place, name="Orders", version="3.0")

    page = sign_in(operator).get(address("undo", place))

    words = text(page, class_="dialog-body")
    until = f"{left.left_at:%Y-%m-%d %H:%M} UTC"
    assert words.startswith(f"Undo in Acceptance Acceptance gets back what it held until {until}. Everything entered")
    rows = text(page, class_="comes")
    assert "Database as it is now as it was then" in rows
    assert "Uploaded files as they are now as they were then" in rows
    assert "Package 1.4.2.118 1.3.9" in rows
    assert "App services Orders 3.0 Orders 2.0" in rows
    assert "Order Desk is running in Acceptance. It is stopped for the exchange and started again." in words
    assert "What leaves is kept for 24 hours: this undo can be undone." in words
    assert "Type the name" not in words


def test_what_was_live_before_is_told_with_its_own_beginning(
    left: Generation, place: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    again = GenerationFactory(environment=place, left_at=left.left_at + timedelta(minutes=30), files="")

    page = sign_in(operator).get(address("undo", place))

    restore = left.operation.restore
    words = text(page, class_="dialog-body")
    assert f"until {again.left_at:%Y-%m-%d %H:%M} UTC: the backup of Live from" in words
    assert f"{restore.backup.created_at:%Y-%m-%d %H:%M} UTC, live since {left.left_at:%Y-%m-%d %H:%M} UTC." in words
    assert "Uploaded files stay as they are" in text(page, class_="comes")


def test_undoing_is_queued_for_exactly_what_was_shown(
    left: Generation, place: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    answer = sign_in(operator).post(address("undo", place), agreed(left))

    assert answer.status_code == 302
    assert answer["Location"] == address("list", place)
    operation = Operation.objects.get(kind="undo")
    assert operation.params["generation"] == left.pk
    assert operation.params["may_stop_app"]
    assert operation.requested_by == operator


@pytest.mark.parametrize("typed", ["", "live", "Acceptance!"])
def test_production_wants_its_name(
    left: Generation, place: Environment, operator: User, sign_in: SignIn, address: Address, typed: str
) -> None:
    Environment.objects.filter(pk=place.pk).update(is_production=True)
    client = sign_in(operator)
    assert "Type the name of the environment, Acceptance" in text(
        client.get(address("undo", place)), class_="dialog-body"
    )

    answer = client.post(address("undo", place), agreed(left, confirm=typed))
    assert answer.status_code == 422
    assert text(answer, class_="error")
    assert f'value="{typed}"' in answer.content.decode() or not typed
    assert not Operation.objects.filter(kind="undo").exists()
    assert client.post(address("undo", place), agreed(left, confirm="Acceptance")).status_code == 302


def test_production_wants_a_fresh_proof_of_who_asks(
    left: Generation, place: Environment, operator: User, address: Address
) -> None:
    Environment.objects.filter(pk=place.pk).update(is_production=True)

    answer = signed_in(operator, seconds_ago=3600).post(address("undo", place), agreed(left, confirm="Acceptance"))

    assert answer["Location"].startswith("/account/proof/")
    assert not Operation.objects.filter(kind="undo").exists()


def test_an_app_that_cannot_be_asked_is_said_to_be_stopped(
    left: Generation, place: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    Environment.objects.filter(pk=place.pk).update(commands={})
    client = sign_in(operator)

    silent = client.post(address("undo", place), agreed(left))
    assert silent.status_code == 422
    assert "Stop the app, then tick this box" in text(silent, class_="error")
    assert client.post(address("undo", place), agreed(left, is_said_stopped="on")).status_code == 302
    assert Operation.objects.get(kind="undo").params["is_said_stopped"]


def test_a_stale_dialog_shows_what_comes_back_now(
    left: Generation, place: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    newer = GenerationFactory(environment=place, left_at=clock.now())

    answer = sign_in(operator).post(address("undo", place), agreed(left))

    assert answer.status_code == 409
    assert "Meanwhile the data of Acceptance was exchanged." in text(answer, class_="is-bad")
    assert f'name="generation" value="{newer.pk}"' in answer.content.decode()
    assert not Operation.objects.filter(kind="undo").exists()


def test_a_busy_place_is_told_and_refused(
    left: Generation, place: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    OperationFactory(environment=place, kind="start", running=True, requested_by_name="Ines Duarte")
    client = sign_in(operator)

    page = client.get(address("undo", place))
    assert "Acceptance is busy since" in text(page, class_="is-warn")
    assert b"disabled><span>Undo in" in page.content
    refused = client.post(address("undo", place), agreed(left))
    assert refused.status_code == 409
    assert "asked for by Ines Duarte" in texts(refused, class_="is-bad")[0]


def test_clicking_twice_leads_to_the_same_undo(
    left: Generation, place: Environment, operator: User, technical_contact: User, sign_in: SignIn, address: Address
) -> None:
    client = sign_in(operator)

    answers = [client.post(address("undo", place), agreed(left)).status_code for _ in range(2)]

    assert answers == [302, 302]
    assert Operation.objects.filter(kind="undo").count() == 1
    assert sign_in(technical_contact).post(address("undo", place), agreed(left)).status_code == 409


@pytest.mark.parametrize("method", ["get", "post"])
def test_when_its_time_is_over_there_is_nothing_to_undo(
    left: Generation, place: Environment, viewer: User, sign_in: SignIn, address: Address, method: str
) -> None:
    Generation.objects.update(undo_until=clock.now())

    answer = getattr(sign_in(viewer), method)(address("undo", place), agreed(left))

    assert answer.status_code == 409
    assert text(answer, class_="is-bad") == "There is nothing to take back here, or its time is over."
    assert texts(answer, class_="is-destructive") == []


def test_other_work_is_cancelled_by_the_same_rights(
    place: Environment, developer: User, operator: User, sign_in: SignIn, address: Address, check_door: CheckDoor
) -> None:
    operation = OperationFactory(environment=place, kind="restore", queued=True, requested_by=operator)
    asked = f"{address('list', place)}operations/{operation.pk}/cancel/"
    check_door(asked, without=developer, wrong="put")
    client = sign_in(operator)
    words = text(client.get(asked), class_="dialog-body")
    assert words.startswith("Cancel the restore in Acceptance Acceptance keeps exactly the data that it has now")

    assert client.post(asked)["Location"] == address("list", place)
    operation.refresh_from_db()
    assert operation.message == "Cancelled by Omar Operator."
    again = client.post(asked)
    assert again.status_code == 409
    assert "already ended" in text(again, class_="is-bad")


def test_work_elsewhere_is_not_found_here(
    place: Environment, environment: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    operation = OperationFactory(environment=environment, kind="stop", queued=True)

    assert sign_in(operator).post(f"{address('list', place)}operations/{operation.pk}/cancel/").status_code == 404
