"""Restore: who may, what is said before the button, and what is queued."""

import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backups.choices import Contents
from backups.models import Backup, Restore
from environments.choices import RIGHTS_OF, Right, Role, State
from environments.models import Environment, Operation
from tests.factories import BackupFactory, EnvironmentFactory, GrantFactory
from tests.factories_exchange import GenerationFactory
from tests.reading import text, texts

from .conftest import Address, CheckDoor, SignIn
from .restoring import AGREED, into, seen


def test_restoring_is_for_who_may_take_it_from_there(
    backup: Backup, place: Environment, viewer: User, address: Address, check_door: CheckDoor
) -> None:
    check_door(into(address, backup, place), without=viewer, wrong="delete")
    check_door(into(address, backup, place), without=viewer, wrong="put", method="post")
    assert not Restore.objects.exists()


def test_and_for_who_may_put_it_there(
    backup: Backup, place: Environment, developer: User, sign_in: SignIn, address: Address
) -> None:
    client = sign_in(developer)  # may download, may not restore anywhere

    assert client.get(address("restore", backup)).status_code == 403
    assert client.post(into(address, backup, place), AGREED).status_code == 403
    assert client.get(address("restore", backup, to="nowhere")).status_code == 404
    assert not Restore.objects.exists()


def test_only_places_of_the_app_where_it_is_allowed_are_offered(
    backup: Backup, place: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    EnvironmentFactory(app=place.app, name="Secret", slug="secret")
    test = EnvironmentFactory(app=place.app, name="Test", slug="test")
    GrantFactory(environment=test, membership=operator.memberships.get(), rights=sorted(RIGHTS_OF[Role.DEVELOPER]))
    secret = Environment.objects.get(slug="secret")
    GrantFactory(environment=secret, membership=operator.memberships.get(), rights=[Right.RESTORE])
    EnvironmentFactory(name="Foreign", slug="foreign")

    page = sign_in(operator).get(address("restore", backup)).content.decode()

    assert re.findall(r'name="to" value="(\w+)"', page) == ["acceptance", "live"]
    assert 'name="to" value="live" checked' in page  # where the backup was made


def test_who_may_restore_elsewhere_only_is_led_there(
    backup: Backup, place: Environment, developer: User, sign_in: SignIn, address: Address
) -> None:
    GrantFactory(environment=place, membership=developer.memberships.get(), rights=[Right.VIEW, Right.RESTORE])
    client = sign_in(developer)

    assert 'name="to" value="acceptance" checked' in client.get(address("restore", backup)).content.decode()
    assert "Restore" in texts(client.get(address("menu", backup)), role="menuitem")


def test_source_and_target_stand_beside_each_other(
    backup: Backup, place: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    BackupFactory(environment=place, database_bytes=3_000_000_000, files_bytes=10_000_000, files_count=7)

    page = sign_in(operator).get(into(address, backup, place))

    source, target = texts(page, class_="side-card")
    assert source == (
        f"From this backup {backup.created_at:%Y-%m-%d %H:%M} UTC Made in Live production Data from 4 hours ago "
        "Model version 1.4.2.118 Modeler 7.23.3 Database 3.94 GB, 214 tables Uploaded files 0.87 GB, 18,204 files"
    )
    assert target == (
        "Into this environment, replacing its data Acceptance not production State Running Data from now "
        "Model version 1.4.2.118 Modeler 7.23.3 Database 3.00 GB, 214 tables "
        "Uploaded files 0.01 GB, 7 files when last backed up, 5 hours ago"
    )
    assert texts(page, class_="is-destructive") == ["Restore into Acceptance"]


def test_what_happens_is_said_before_the_button(
    backup: Backup, place: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    kept = GenerationFactory(environment=place)

    words = text(sign_in(operator).get(into(address, backup, place)), class_="happens")

    assert "Stop Order Desk in Acceptance." in words
    assert "Keep the data from before for 24 hours, for Undo." in words
    assert f"What is kept now, live until {kept.left_at:%Y-%m-%d %H:%M} UTC, is removed." in words
    assert "Start the app again." in words
    assert f"The backup is whole verified {backup.verified_at:%Y-%m-%d %H:%M} UTC" in words
    assert "PostgreSQL fits 17.2 to 17." in words
    assert "Nothing else runs in Acceptance" in words
    assert "Acceptance stays exactly as it is and is started again." in words


@pytest.mark.parametrize("contents", Contents.values)
def test_what_was_agreed_is_queued(
    backup: Backup, place: Environment, operator: User, sign_in: SignIn, address: Address, contents: str
) -> None:
    client = sign_in(operator)
    page = client.get(into(address, backup, place))

    answer = client.post(into(address, backup, place), {**AGREED, "contents": contents, **seen(page)})

    assert answer.status_code == 302
    assert answer["Location"] == address("list", place)
    restore = Restore.objects.get()
    assert (restore.backup, restore.environment, restore.contents) == (backup, place, contents)
    assert restore.may_stop_app
    assert not restore.is_said_stopped
    assert restore.operation.requested_by == operator


def test_clicking_twice_leads_to_the_same_restore(
    backup: Backup, place: Environment, operator: User, technical_contact: User, sign_in: SignIn, address: Address
) -> None:
    client = sign_in(operator)
    asked = {**AGREED, **seen(client.get(into(address, backup, place)))}

    answers = [client.post(into(address, backup, place), asked) for _ in range(2)]

    assert [answer["Location"] for answer in answers] == [address("list", place)] * 2
    assert Operation.objects.filter(kind="restore").count() == 1
    somebody_else = sign_in(technical_contact).post(into(address, backup, place), asked)
    assert somebody_else.status_code == 409
    assert "asked for by Omar Operator" in text(somebody_else, id="summary")


def test_it_costs_the_same_however_many_environments_and_backups_there_are(
    backup: Backup, place: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    client = sign_in(operator)

    client.get(into(address, backup, place))  # the first look remembers what the app does
    counts = []
    for _ in range(4):
        BackupFactory(environment=EnvironmentFactory(app=place.app))
        BackupFactory(environment=place)
        GenerationFactory(environment=place)
        with CaptureQueriesContext(connection) as captured:
            client.get(into(address, backup, place))
        counts.append(len(captured))

    assert counts == [counts[0]] * 4
    assert counts[0] <= 15
    place.refresh_from_db()
    assert place.state == State.RUNNING
