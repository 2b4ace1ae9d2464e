"""What a request alone may not do, at any address: change things by looking, or by coming from elsewhere."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from backups.models import Backup
from environments.models import Environment, Membership
from tests.cast import signed_in
from tests.factories import PASSWORD, UserFactory
from tests.reading import text
from tests.test_doors import RIGHTS, address, foreigner, place  # noqa: F401 - fixtures

# Asking for a download makes its link, and the line that tells of it.
MAKES_LINKS = {"download"}


def rows() -> dict[str, list[Any]]:
    """Everything that the portal knows, but for the session and what the app was asked just now."""
    models = [*apps.get_app_config("environments").get_models(), *apps.get_app_config("backups").get_models()]
    known = {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}
    for environment in known["Environment"]:
        for name in ("state", "state_at", "state_since"):
            environment.pop(name, None)
    return known


@pytest.mark.parametrize("name", sorted(RIGHTS.keys() - MAKES_LINKS))
def test_looking_changes_nothing(place: Backup, technical_contact: User, name: str) -> None:  # noqa: F811
    where, client = address(name, place), signed_in(technical_contact)
    before = rows()

    for ask in (client.get, client.head):
        for headers in ({}, {"HX-Request": "true"}):
            ask(where, headers=headers)

    assert rows() == before


@pytest.mark.parametrize("name", sorted(RIGHTS))
def test_nothing_is_sent_from_elsewhere(place: Backup, technical_contact: User, name: str) -> None:  # noqa: F811
    where = address(name, place)
    client = signed_in(technical_contact, Client(enforce_csrf_checks=True))
    before = rows()

    for method in ("post", "put", "patch", "delete"):
        assert getattr(client, method)(where).status_code in (403, 405), method

    assert rows() == before


def test_a_form_gives_away_no_field_that_it_does_not_show(place: Backup, technical_contact: User) -> None:  # noqa: F811
    """Status, place and passwords are nothing that a form sets, whatever is sent along."""
    client = signed_in(technical_contact)
    more = {
        "status": "Completed",
        "condition": "good",
        "environment": "1",
        "created_by": "Eve",
        "pinned_at": "2026-01-01",
    }
    more |= {
        "database": "postgresql://evil@127.0.0.1/x",
        "commands": "{}",
        "is_production": "",
        "expires_at": "2099-01-01",
    }
    more |= {"user": "1", "is_superuser": "on", "is_staff": "on", "app": "1"}
    before = Environment.objects.values().get(), Backup.objects.values().get(pk=place.pk)

    client.post(address("comment", place), {"comment": place.comment, **more})
    client.post(address("create", place), {"comment": "made", **more})
    member = Membership.objects.get(user__username="dana")
    client.post(address("change_member", place), {"role": "operator", **more})

    assert (Environment.objects.values().get(), Backup.objects.values().get(pk=place.pk)) == before
    made = Backup.objects.get(comment="made")
    assert (made.status, made.created_by, made.condition) == ("Queued", "Tess Contact", "unverified")
    assert not User.objects.filter(is_superuser=True).exists()
    assert Membership.objects.get(pk=member.pk).user == member.user


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "https:evil.example", "/\\evil.example", "\nhttps://evil.example", "javascript:1"]
)
def test_no_door_leads_elsewhere(environment: Environment, operator: User, elsewhere: str) -> None:
    given = {"login": operator.username, "password": PASSWORD, "next": elsewhere}
    client = signed_in(operator)
    answers = [Client().post(reverse("sign_in"), given)]
    answers += [client.post(reverse("theme"), {"next": elsewhere, "theme": "dark"})]
    answers += [client.post(reverse("account_reauthenticate"), {"password": PASSWORD, "next": elsewhere})]
    answers += [client.post(reverse("backups:stop", args=["order-desk", "live"]), {"next": elsewhere})]
    answers += [client.post(reverse("sign_out"), {"next": elsewhere})]

    for answer in answers:
        assert answer.status_code == 302
        assert "evil" not in answer.headers["Location"]
        assert "javascript" not in answer.headers["Location"]


def test_the_door_tells_nobody_who_has_an_account(db: None, settings: Any) -> None:
    settings.EMAIL_HOST = "mail.example.org"
    UserFactory(username="ines", email="ines@example.org")
    UserFactory(username="gone", email="gone@example.org", is_active=False)

    doors, mails = set(), set()
    for name in ("ines", "gone", "nobody"):
        wrong = Client().post(reverse("sign_in"), {"login": name, "password": "wrong"})
        doors.add((wrong.status_code, text(wrong, role="alert")))
        sent = Client().post(reverse("account_reset_password"), {"email": f"{name}@example.org"}, follow=True)
        mails.add((sent.status_code, text(sent, class_="door")))

    assert len(doors) == len(mails) == 1
