"""Signing in and out, a second factor, one's own account, and proving again who sits there."""

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.urls import reverse

from backups.models import Backup
from environments import clock
from environments.models import Environment
from tests.cast import signed_in
from tests.factories import PASSWORD, BackupFactory, UserFactory
from tests.reading import text


def sign_in(person: User, *, name: str = "", password: str = PASSWORD, client: Client | None = None) -> Client:
    client = client or Client()
    client.answer = client.post(reverse("sign_in"), {"login": name or person.username, "password": password})  # type: ignore[attr-defined]
    return client


def code(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def test_whoever_is_signed_out_signs_in_and_goes_on(environment: Environment, viewer: User) -> None:
    client, wanted = Client(), environment.get_absolute_url()

    door = client.get(wanted, follow=True)
    assert "Sign in" in text(door, class_="door")
    answer = client.post(door.redirect_chain[-1][0], {"login": viewer.username, "password": PASSWORD, "next": wanted})

    assert (answer.status_code, answer.url) == (302, wanted)
    assert client.get(wanted).status_code == 200


def test_the_mail_address_is_a_name_too(db: None) -> None:
    person = UserFactory(email="ines@example.org")

    assert sign_in(person, name="ines@example.org").answer.url == reverse("home")  # type: ignore[attr-defined]


def test_a_wrong_password_keeps_the_name_and_says_so(viewer: User) -> None:
    answer = Client().post(reverse("sign_in"), {"login": viewer.username, "password": "wrong"})

    assert text(answer, role="alert").startswith("User name and password do not match.")
    assert f'value="{viewer.username}"' in answer.content.decode()
    assert "wrong" not in answer.content.decode()


def test_an_account_that_is_switched_off_cannot_sign_in(db: None) -> None:
    gone = UserFactory(is_active=False)

    client = sign_in(gone)

    assert client.get(reverse("home")).status_code == 302
    assert "switched off" in text(client.get(reverse("account_inactive")), class_="door")


def test_sign_in_leads_nowhere_else(viewer: User) -> None:
    address = reverse("sign_in", query={"next": "https://evil.example"})

    answer = Client().post(address, {"login": viewer.username, "password": PASSWORD, "next": "https://evil.example"})

    assert answer.url == reverse("home")


def test_guessing_is_stopped_after_five_wrong_passwords(viewer: User) -> None:
    for _ in range(5):
        sign_in(viewer, password="wrong")

    client = sign_in(viewer)

    assert "Too many attempts" in client.answer.content.decode()  # type: ignore[attr-defined]
    assert client.get(reverse("home")).status_code == 302


def test_nobody_signs_up(db: None) -> None:
    client = Client()

    for ask in (client.get, client.post):
        page = ask(reverse("account_signup"), {"username": "eve", "password1": PASSWORD, "password2": PASSWORD})
        assert "Accounts are made by invitation" in text(page, class_="door")
    assert not User.objects.filter(username="eve").exists()


def test_signing_out_is_a_form(viewer: User) -> None:
    client = signed_in(viewer)

    assert client.get(reverse("sign_out")).status_code == 200
    assert client.get(reverse("home")).status_code == 200
    assert client.post(reverse("sign_out")).url == reverse("sign_in")
    assert client.get(reverse("home")).status_code == 302


def test_whoever_is_signed_in_passes_the_door(viewer: User) -> None:
    assert signed_in(viewer).get(reverse("sign_in")).url == reverse("home")


def test_a_second_factor_is_set_up_and_then_asked_for(viewer: User) -> None:
    client = sign_in(viewer)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    shown = client.get(reverse("mfa_activate_totp"))
    secret = re.search(r'value="([A-Z2-7]{32})"', shown.content.decode())
    assert secret
    client.post(reverse("mfa_activate_totp"), {"code": code(secret[1])})
    stored = Authenticator.objects.get(user=viewer, type="totp")
    assert secret[1] not in str(stored.data)

    again = sign_in(viewer)

    assert again.answer.url == reverse("mfa_authenticate")  # type: ignore[attr-defined]
    assert again.get(reverse("home")).status_code == 302
    assert "does not fit" in again.post(reverse("mfa_authenticate"), {"code": "000000"}).content.decode()
    unused = stored.user.authenticator_set.get(type="recovery_codes").wrap().get_unused_codes()
    assert again.post(reverse("mfa_authenticate"), {"code": unused[0]}).url == reverse("home")
    assert again.get(reverse("home")).status_code == 200


@pytest.mark.parametrize("name", ["mfa_index", "usersessions_list", "account_change_password", "mfa_list_webauthn"])
def test_the_account_has_its_pages(viewer: User, name: str) -> None:
    client = sign_in(viewer)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    TOTP.activate(viewer, generate_totp_secret())

    page = client.get(reverse(name))

    assert page.status_code == 200
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert "Vera Viewer" in page.content.decode()


def test_other_sessions_are_ended(viewer: User) -> None:
    here, there = sign_in(viewer), sign_in(viewer)
    assert UserSession.objects.filter(user=viewer).count() == 2

    here.post(reverse("usersessions_list"))

    assert here.get(reverse("home")).status_code == 200
    assert there.get(reverse("home")).status_code == 302


def test_a_forgotten_password_is_set_anew_by_mail(db: None, settings: Any) -> None:
    settings.EMAIL_HOST = "mail.example.org"
    person, client = UserFactory(email="ines@example.org"), Client()
    assert reverse("account_reset_password") in client.get(reverse("sign_in")).content.decode()

    client.post(reverse("account_reset_password"), {"email": "ines@example.org"})
    client.post(reverse("account_reset_password"), {"email": "nobody@example.org"})

    assert [message.to for message in mail.outbox] == [["ines@example.org"]]
    link = re.search(r"http://\S+(/sign-in/password/\S+)", str(mail.outbox[0].body))
    assert link
    form = client.get(link[1], follow=True)
    new = "a longer one than before"
    client.post(form.redirect_chain[-1][0], {"password1": new, "password2": new})
    assert sign_in(person, password=new).answer.url == reverse("home")  # type: ignore[attr-defined]


def older_of_two(environment: Environment) -> Backup:
    """A backup that may go: a newer good one is there."""
    BackupFactory(environment=environment)
    older: Backup = BackupFactory(environment=environment, created_at=clock.now() - timedelta(days=1))
    return older


class TestProof:
    """What production can lose by asks for a proof of identity that is younger than 15 minutes."""

    @pytest.fixture
    def backup(self, environment: Environment) -> Backup:
        return older_of_two(environment)

    def delete(self, client: Client, backup: Backup, **headers: str) -> str:
        place = backup.environment
        address = reverse("backups:delete", args=[place.app.slug, place.slug, backup.pk])
        return str(client.post(address, {"confirm": place.name}, headers=headers).headers["Location"])  # type: ignore[arg-type]

    def test_a_fresh_sign_in_is_one(self, backup: Backup, technical_contact: User) -> None:
        assert "/account/proof/" not in self.delete(signed_in(technical_contact), backup)

    @pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
    def test_an_old_one_is_asked_for_again_and_then_it_goes_on(
        self, backup: Backup, technical_contact: User, headers: dict[str, str]
    ) -> None:
        client = signed_in(technical_contact, seconds_ago=16 * 60)

        asked = self.delete(client, backup, **headers)
        assert asked.startswith(reverse("account_reauthenticate"))
        backup.refresh_from_db()
        assert backup.removal_at is None
        assert "Is it still you?" in text(client.get(asked), class_="door")
        assert "not the password" in client.post(asked, {"password": "wrong"}).content.decode()
        next_ = asked.partition("next=")[2].replace("%3F", "?").replace("%2F", "/")
        done = client.post(asked, {"password": PASSWORD, "next": next_})

        assert done.status_code == 302
        backup.refresh_from_db()
        assert backup.removal_at is not None

    def test_elsewhere_nobody_is_asked(self, acceptance: Environment, technical_contact: User) -> None:
        backup = older_of_two(acceptance)

        assert "/account/proof/" not in self.delete(signed_in(technical_contact, seconds_ago=99_999), backup)
