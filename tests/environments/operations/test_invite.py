"""Invitations: a link lets one person in, once, for seven days."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from environments.actors import Actor
from environments.choices import Role
from environments.errors import InvitationNotValid, InvitationRefused
from environments.models import Activity, App, Environment, Membership
from environments.operations.invite import SALT, Invited, accept, invite, read_invitation
from tests.factories import UserFactory

BY = Actor("Command line (root)", "command_line")
PASSWORD = "tall green pine"
FILLED = {"first_name": "Ines", "last_name": "Duarte", "password": PASSWORD, "again": PASSWORD}


@pytest.fixture
def ask(app: App) -> Callable[..., Invited]:
    def ask(email: str = "ines@example.org", role: str = Role.TECHNICAL_CONTACT) -> Invited:
        return invite(email, app, role, by=BY)

    return ask


def address(token: str) -> str:
    return reverse("environments:invitation", args=[token])


def test_an_invited_person_is_a_member_who_cannot_sign_in_yet(ask: Callable[..., Invited], client: Client) -> None:
    invited = ask("Ines@Example.org")

    membership = Membership.objects.get()
    assert (membership.user, membership.role) == (invited.user, Role.TECHNICAL_CONTACT)
    assert (invited.user.username, invited.user.email) == ("ines@example.org", "ines@example.org")
    assert not invited.user.is_active
    assert not client.login(username="ines@example.org", password="")


def test_the_link_asks_for_name_and_password_and_signs_in(
    ask: Callable[..., Invited], environment: Environment, client: Client
) -> None:
    link = address(ask().token)
    page = client.get(link)
    assert page.status_code == 200
    assert b"Welcome to" in page.content
    assert b"ines@example.org" in page.content
    assert page["Cache-Control"].startswith("max-age=0")

    answer = client.post(link, FILLED, follow=True)

    assert answer.redirect_chain[0] == ("/", 302)
    assert answer.context["user"].get_full_name() == "Ines Duarte"
    assert UserSession.objects.get().user.email == "ines@example.org"
    assert Client().login(username="ines@example.org", password=PASSWORD)
    assert Activity.objects.order_by("-id")[0].sentence == "Ines Duarte accepted the invitation."


def test_a_link_works_once(ask: Callable[..., Invited], client: Client) -> None:
    token = ask().token
    client.post(address(token), FILLED)

    for method in (Client().get, Client().post):
        again = method(address(token), FILLED)
        assert again.status_code == 410
        assert b"no longer valid" in again.content
    assert User.objects.get().check_password(PASSWORD)
    with pytest.raises(InvitationNotValid):
        accept(token, first_name="Somebody", last_name="Else", password="another pass word")


def test_two_uses_at_the_same_moment_are_one(ask: Callable[..., Invited], monkeypatch: pytest.MonkeyPatch) -> None:
    """Both read the link before either wrote."""
    token = ask().token
    stale = read_invitation(token)
    accept(token, first_name="Ines", last_name="", password=PASSWORD)
    monkeypatch.setattr("environments.operations.invite.read_invitation", lambda _: stale)

    with pytest.raises(InvitationNotValid):
        accept(token, first_name="Somebody", last_name="Else", password="another pass word")


def test_a_link_lives_seven_days(ask: Callable[..., Invited], client: Client) -> None:
    with time_machine.travel(timezone.now() - timedelta(days=7, minutes=1), tick=True):
        old = ask().token
    with time_machine.travel(timezone.now() - timedelta(days=6, hours=23), tick=True):
        young = ask("ben@example.org").token

    assert client.get(address(old)).status_code == 410
    assert client.get(address(young)).status_code == 200


def test_a_new_link_replaces_the_old_one(ask: Callable[..., Invited]) -> None:
    first, second = ask().token, ask().token

    with pytest.raises(InvitationNotValid):
        read_invitation(first)
    assert read_invitation(second) == User.objects.get()


def test_a_link_that_was_not_made_here_is_nothing(ask: Callable[..., Invited], client: Client) -> None:
    user = ask().user
    forged = signing.dumps({"user": user.pk, "seal": "0" * 32}, salt=SALT)
    other_salt = signing.dumps({"user": user.pk, "seal": "0" * 32})

    for token in (forged, other_salt, "x", "a:b:c", ask().token[:-1]):
        assert client.get(address(token)).status_code == 410


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("password", "short", "too short"),
        ("password", "ines@example.org", "too similar"),
        ("again", "something else", "The two passwords differ."),
        ("first_name", "", "This field is required."),
    ],
)
def test_what_is_filled_in_wrongly_is_said_and_the_link_still_works(
    ask: Callable[..., Invited], client: Client, field: str, value: str, said: str
) -> None:
    link = address(ask().token)

    refused = client.post(link, FILLED | {field: value})

    assert refused.status_code == 422
    assert said in refused.content.decode()
    assert PASSWORD not in refused.content.decode()
    assert not User.objects.get().is_active
    assert client.post(link, FILLED).status_code == 302


def test_names_are_shown_as_text(ask: Callable[..., Invited], app: App, client: Client) -> None:
    App.objects.update(name="<script>alert(1)</script>")

    assert b"<script>alert" not in client.get(address(ask().token)).content


def test_whoever_is_signed_in_as_somebody_else_is_not_any_more(
    ask: Callable[..., Invited], developer: User, client: Client
) -> None:
    client.force_login(developer)

    answer = client.post(address(ask().token), FILLED, follow=True)

    assert answer.context["user"].username == "ines@example.org"


def test_other_methods_are_refused(ask: Callable[..., Invited], client: Client) -> None:
    assert client.delete(address(ask().token)).status_code == 405


def test_who_has_an_account_becomes_a_member_without_a_link(
    ask: Callable[..., Invited], environment: Environment
) -> None:
    known = UserFactory(email="Ines@example.org", first_name="Ines", last_name="Duarte")

    invited = ask("ines@example.org")

    assert (invited.user, invited.token) == (known, "")
    assert known.memberships.get().role == Role.TECHNICAL_CONTACT
    sentence = "Command line (root) made Ines Duarte technical contact of Order Desk."
    assert Activity.objects.get().sentence == sentence


def test_a_role_is_changed_and_told_once(ask: Callable[..., Invited], environment: Environment) -> None:
    ask(role=Role.VIEWER)
    ask()
    ask()

    assert Membership.objects.get().role == Role.TECHNICAL_CONTACT
    assert Activity.objects.filter(action="rights.changed").count() == 2


def test_an_account_that_is_switched_off_is_not_opened_by_an_invitation(ask: Callable[..., Invited]) -> None:
    UserFactory(email="ines@example.org", is_active=False)

    with pytest.raises(InvitationRefused, match="is switched off"):
        ask()

    assert not Membership.objects.exists()


def test_one_that_signed_in_before_and_lost_its_password_is_not_either(ask: Callable[..., Invited]) -> None:
    gone = UserFactory(email="ines@example.org", is_active=False, last_login=timezone.now())
    gone.set_unusable_password()
    gone.save()

    with pytest.raises(InvitationRefused, match="is switched off"):
        ask()


def test_an_address_of_two_accounts_is_refused(ask: Callable[..., Invited]) -> None:
    UserFactory(email="ines@example.org")
    UserFactory(email="INES@example.org")

    with pytest.raises(InvitationRefused, match="Several accounts"):
        ask()


@pytest.mark.parametrize("email", ["", "ines", "ines@", "a b@example.org", "x" * 150 + "@example.org", "a@b.c\nd"])
def test_what_is_no_mail_address_is_refused(ask: Callable[..., Invited], email: str) -> None:
    with pytest.raises(InvitationRefused, match="is no mail address"):
        ask(email)

    assert not User.objects.exists()
