"""Pin and unpin: who may, what is asked, what is shown."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from backups.models import Backup
from environments import clock
from environments.models import Environment
from tests.factories import BackupFactory
from tests.reading import text

from .conftest import Address, CheckDoor, SignIn


@pytest.fixture
def made(environment: Environment) -> Backup:
    return BackupFactory(environment=environment)


@pytest.mark.parametrize("name", ["pin", "unpin"])
def test_pinning_is_for_those_who_may_delete(
    made: Backup, operator: User, address: Address, check_door: CheckDoor, name: str
) -> None:
    check_door(address(name, made), without=operator, wrong="put")


def test_a_pin_says_why_and_until_when(
    made: Backup, technical_contact: User, sign_in: SignIn, address: Address
) -> None:
    client = sign_in(technical_contact)
    last_day = (clock.now() + timedelta(days=40)).date()
    answer = client.post(address("pin", made), {"reason": "for the <b>auditors</b>", "until": last_day.isoformat()})

    made.refresh_from_db()
    assert answer.url == made.get_absolute_url()
    assert made.pin_reason == "for the <b>auditors</b>"
    assert made.pinned_until is not None and made.pinned_until.date() == last_day
    page = client.get(made.get_absolute_url())
    assert "pinned: for the <b>auditors</b>" in text(page, class_="panel")
    assert b"<b>auditors</b>" not in page.content

    client.post(address("unpin", made))
    made.refresh_from_db()
    assert not made.is_pinned


def test_without_a_reason_or_with_an_end_that_is_over_nothing_is_pinned(
    made: Backup, technical_contact: User, sign_in: SignIn, address: Address
) -> None:
    client = sign_in(technical_contact)
    assert client.post(address("pin", made), {"reason": " "}).status_code == 422
    late = client.post(address("pin", made), {"reason": "kept", "until": "2020-01-01"})
    assert late.status_code == 409
    assert "is over already" in late.content.decode()
    assert 'value="kept"' in late.content.decode()
    made.refresh_from_db()
    assert not made.is_pinned


def test_what_is_not_pinned_cannot_be_unpinned(
    made: Backup, technical_contact: User, sign_in: SignIn, address: Address
) -> None:
    assert sign_in(technical_contact).post(address("unpin", made)).status_code == 409


def test_a_pin_that_somebody_else_set_meanwhile_is_shown_and_not_overwritten(
    environment: Environment, technical_contact: User, sign_in: SignIn, address: Address
) -> None:
    made = BackupFactory(environment=environment, pinned=True, pin_reason="for the auditors")
    client = sign_in(technical_contact)

    stale = client.post(address("pin", made), {"reason": "mine", "seen": ""})

    assert stale.status_code == 409
    assert "it is pinned now: for the auditors" in text(stale, role="alert")
    for _ in range(2):  # clicked twice
        given = {"reason": "mine", "seen": "for the auditors"}
        assert client.post(address("pin", made), given).status_code == 302
