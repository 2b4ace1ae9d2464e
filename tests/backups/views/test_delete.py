"""Delete: what will be lost, the name to type, and what is never offered."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from backups.models import Backup
from environments import clock
from environments.models import Environment, Operation
from tests.factories import BackupFactory
from tests.reading import text

from .conftest import Address, CheckDoor, SignIn


@pytest.fixture
def older(environment: Environment) -> Backup:
    """A backup that may go: a newer good one is there."""
    BackupFactory(environment=environment)
    return BackupFactory(environment=environment, created_at=clock.now() - timedelta(days=1))


def test_deleting_needs_the_right(older: Backup, operator: User, address: Address, check_door: CheckDoor) -> None:
    check_door(address("delete", older), without=operator, wrong="delete")
    check_door(address("delete", older), without=operator, wrong="put", method="post")
    assert not Operation.objects.filter(kind="delete").exists()


def test_the_dialog_says_what_is_lost_and_what_stays(
    older: Backup, technical_contact: User, sign_in: SignIn, address: Address
) -> None:
    words = text(sign_in(technical_contact).get(address("delete", older)), class_="dialog-body")

    assert words.startswith(f"Delete the backup of {older.created_at:%Y-%m-%d %H:%M} UTC")
    assert "Its 4.81 GB are removed for good." in words
    assert "1 other good backup of Live is kept; the newest is 5 hours old." in words
    assert "Type the name of the environment, Live" in words


@pytest.mark.parametrize("typed", ["", "live!", "Acceptance"])
def test_a_wrong_name_deletes_nothing(
    older: Backup, technical_contact: User, sign_in: SignIn, address: Address, typed: str
) -> None:
    answer = sign_in(technical_contact).post(address("delete", older), {"confirm": typed})

    older.refresh_from_db()
    assert answer.status_code == 422
    assert text(answer, class_="error")
    assert f'value="{typed}"' in answer.content.decode() or not typed
    assert older.removal_at is None


def test_the_right_name_deletes(older: Backup, technical_contact: User, sign_in: SignIn, address: Address) -> None:
    answer = sign_in(technical_contact).post(address("delete", older), {"confirm": "Live"}, follow=True)

    assert answer.redirect_chain == [(address("list", older.environment), 302)]
    assert f"The backup of {older.created_at:%Y-%m-%d %H:%M} UTC is being deleted." in answer.content.decode()
    assert Operation.objects.get(kind="delete").subject == older.pk
    assert "being deleted" in answer.content.decode()


def test_elsewhere_than_in_production_no_name_is_asked_for(
    acceptance: Environment, technical_contact: User, sign_in: SignIn, address: Address
) -> None:
    BackupFactory(environment=acceptance)
    older = BackupFactory(environment=acceptance, created_at=clock.now() - timedelta(days=1))
    client = sign_in(technical_contact)

    assert "Type the name" not in text(client.get(address("delete", older)), class_="dialog-body")
    assert client.post(address("delete", older)).status_code == 302
    assert Operation.objects.filter(kind="delete", subject=older.pk).exists()


def test_the_newest_good_one_is_refused(
    environment: Environment, technical_contact: User, sign_in: SignIn, address: Address
) -> None:
    only = BackupFactory(environment=environment)

    answer = sign_in(technical_contact).post(address("delete", only), {"confirm": "Live"})

    assert answer.status_code == 409
    assert "newest undamaged backup" in text(answer, class_="is-bad")
    assert b'value="Live"' in answer.content


def test_a_failed_one_has_nothing_to_lose(
    environment: Environment, technical_contact: User, sign_in: SignIn, address: Address
) -> None:
    failed = BackupFactory(environment=environment, failed=True)

    words = text(sign_in(technical_contact).get(address("delete", failed)), class_="dialog-body")

    assert "It is removed from the list. Live has no other good backup." in words


def test_clicking_twice_asks_once_and_leads_to_it(
    older: Backup, technical_contact: User, support: User, sign_in: SignIn, address: Address
) -> None:
    client = sign_in(technical_contact)

    answers = [client.post(address("delete", older), {"confirm": "Live"}).status_code for _ in range(2)]

    assert answers == [302, 302]
    assert sign_in(support).post(address("delete", older), {"confirm": "Live"}).status_code == 409
    assert Operation.objects.filter(kind="delete").count() == 1
