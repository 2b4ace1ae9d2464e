"""A vault that is away: noticed by whoever wanted it and by the clock, and told on pages that never go there."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core import mail

from backups.models import Installation
from backups.operations.create import request_create
from backups.operations.mark import mark_vault, see_vault
from backups.operations.tell import tell_alarms
from backups.storage.vault import open_vault
from backups.tasks import SCHEDULES
from environments.choices import Status
from environments.lifecycle.run import run_here
from environments.models import Environment
from tests.backups.operations.test_restore import BY
from tests.cast import signed_in
from tests.reading import texts

pytestmark = pytest.mark.django_db(transaction=True)
SAID = "Backups can be neither made nor read since "


def banners(user: User, address: str) -> list[str]:
    return [one for one in texts(signed_in(user).get(address), class_="is-bad") if one.startswith(SAID)]


@pytest.fixture
def unmounted() -> Callable[[], Path]:
    """Take the vault's disk away; it comes back when its folder is renamed."""

    def take_away() -> Path:
        there = Path(settings.VAULT_LOCATION)
        return there.rename(there.with_name("elsewhere"))

    return take_away


def test_a_vault_that_was_never_used_is_not_missed(db: None) -> None:
    see_vault()

    assert not Installation.objects.exclude(vault_problem="").exists()
    assert not Path(settings.VAULT_LOCATION).exists()


def test_it_is_said_once_on_home_above_the_list_and_by_mail_until_it_is_back(
    environment: Environment,
    acceptance: Environment,
    viewer: User,
    technical_contact: User,
    unmounted: Callable[[], Path],
) -> None:
    Environment.objects.update(is_nightly_on=False)
    mark_vault(open_vault())
    elsewhere = unmounted()
    here = environment.get_absolute_url()
    assert banners(viewer, "/") == []

    see_vault()
    since = Installation.own().vault_problem_since
    see_vault()

    assert Installation.own().vault_problem_since == since
    [said] = banners(viewer, "/")
    assert "lacks its marker" in said or "vault" in said.removeprefix(SAID)
    assert banners(viewer, f"{here}alarms/") == [said]
    assert banners(viewer, here) == []
    tell_alarms()
    assert banners(viewer, here) == [said]
    assert [one.to for one in mail.outbox] == [[technical_contact.email]]

    elsewhere.rename(settings.VAULT_LOCATION)
    see_vault()
    tell_alarms()

    assert banners(viewer, "/") == banners(viewer, here) == banners(viewer, f"{here}alarms/") == []


def test_whoever_wants_to_write_notices_it_first(
    make_place: Callable[..., Environment], unmounted: Callable[[], Path]
) -> None:
    place = make_place()
    mark_vault(open_vault())
    elsewhere = unmounted()

    operation = run_here(request_create(place, by=BY, is_rung=False).operation)

    assert operation.status == Status.FAILED
    assert Installation.own().vault_problem and Installation.own().vault_problem in operation.message
    elsewhere.rename(settings.VAULT_LOCATION)
    assert run_here(request_create(place, by=BY, is_rung=False).operation).status == Status.COMPLETED
    assert Installation.own().vault_problem == ""


def test_the_clock_looks(db: None) -> None:
    assert [one.minutes for one in SCHEDULES if one.task == "backups.tasks.look_at_vault"] == [5]
