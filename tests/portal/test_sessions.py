"""How sessions end: over time, with the password, with the account, and never planted by somebody else."""

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from environments.models import Environment
from tests.cast import signed_in
from tests.factories import PASSWORD

A_DAY = 24 * 3600
NEW = "a longer one than before"


def is_in(client: Client) -> bool:
    return client.get(reverse("usersessions_list")).status_code == 200


def sign_in(person: User, client: Client | None = None) -> Client:
    client = client or Client()
    client.post(reverse("sign_in"), {"login": person.username, "password": PASSWORD})
    return client


@pytest.mark.parametrize(("days", "is_still_in"), [(2.9, True), (3.1, False)])
def test_whoever_does_not_come_for_three_days_signs_in_again(viewer: User, days: float, is_still_in: bool) -> None:
    assert is_in(signed_in(viewer, seconds_ago=days * A_DAY)) is is_still_in


def test_whoever_comes_every_day_signs_in_again_after_a_fortnight(viewer: User) -> None:
    days = 0
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = signed_in(viewer)
        while is_in(client) and days < 20:
            clock.shift(A_DAY)
            days += 1

    assert days == 15


def test_a_page_that_refreshes_itself_is_nobody_coming(environment: Environment, viewer: User) -> None:
    client = signed_in(viewer, seconds_ago=2.9 * A_DAY)
    client.get(reverse("backups:current", args=["order-desk", "live"]), headers={"HX-Request": "true"})
    assert "seen_at" not in client.session

    client.get(environment.get_absolute_url())

    assert "seen_at" in client.session


def test_a_planted_session_is_another_one_after_signing_in(viewer: User) -> None:
    client = Client()
    client.get(reverse("sign_in"))
    client.session["planted"] = "yes"
    client.session.save()
    planted = client.session.session_key

    sign_in(viewer, client)

    assert client.cookies[settings.SESSION_COOKIE_NAME].value != planted
    client.cookies[settings.SESSION_COOKIE_NAME] = str(planted)
    assert not is_in(client)


def test_another_password_ends_all_other_sessions(viewer: User) -> None:
    here, there = sign_in(viewer), sign_in(viewer)

    here.post(
        reverse("account_change_password"), {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}, follow=True
    )

    viewer.refresh_from_db()
    assert viewer.check_password(NEW)
    assert is_in(here)
    assert not is_in(there)


def test_an_account_that_is_switched_off_is_out_at_once(environment: Environment, viewer: User) -> None:
    client = sign_in(viewer)
    assert is_in(client)

    User.objects.filter(pk=viewer.pk).update(is_active=False)

    assert not is_in(client)
    assert client.get(environment.get_absolute_url()).url.startswith(reverse("sign_in"))


def test_signing_out_ends_the_session_itself(viewer: User) -> None:
    client = sign_in(viewer)
    key = client.cookies[settings.SESSION_COOKIE_NAME].value

    client.post(reverse("sign_out"))

    stolen = Client()
    stolen.cookies[settings.SESSION_COOKIE_NAME] = key
    assert not is_in(stolen)
