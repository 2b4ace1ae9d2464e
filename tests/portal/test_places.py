"""The switchers remember where a person was, by their browser, as far as the person still sees it."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from environments.choices import Role
from environments.models import Environment, Membership
from portal.places import COOKIE
from tests.cast import signed_in
from tests.factories import AppFactory, EnvironmentFactory, MembershipFactory
from tests.reading import text


@pytest.fixture
def shop(environment: Environment, viewer: User) -> Environment:
    """The second environment of another app of the same person."""
    app = AppFactory(slug="shop", name="Shop")
    MembershipFactory(app=app, user=viewer, role=Role.VIEWER)
    EnvironmentFactory(app=app, slug="acceptance", name="Acceptance")
    live: Environment = EnvironmentFactory(app=app, slug="live", name="Live")
    return live


def switcher(client: Client, where: Environment) -> str:
    return text(client.get(where.get_absolute_url()), id="apps")


def leads_to(client: Client, where: Environment, target: Environment) -> bool:
    page = client.get(where.get_absolute_url()).content.decode().partition('id="apps"')[2].partition("</div>")[0]
    return f'href="{target.get_absolute_url()}"' in page


def test_another_app_is_where_one_was_there(environment: Environment, shop: Environment, viewer: User) -> None:
    client = signed_in(viewer)
    assert not leads_to(client, environment, shop)

    client.get(reverse("backups:activity", args=["shop", "live"]))

    assert leads_to(client, environment, shop)
    assert client.cookies[COOKIE]["httponly"]
    client.get(reverse("backups:list", args=["shop", "acceptance"]))
    assert not leads_to(client, environment, shop)


def test_a_page_of_no_environment_leads_back(environment: Environment, shop: Environment, viewer: User) -> None:
    client = signed_in(viewer)
    assert "Backups of" not in text(client.get("/no/such/page/"), class_="empty")

    client.get(shop.get_absolute_url())

    assert "Backups of Shop, Live" in text(client.get("/no/such/page/"), class_="empty")


def test_what_is_no_longer_seen_is_not_shown(environment: Environment, shop: Environment, viewer: User) -> None:
    client = signed_in(viewer)
    client.get(shop.get_absolute_url())

    Membership.objects.filter(app=shop.app).delete()

    assert "Shop" not in switcher(client, environment)
    assert "Shop" not in client.get("/no/such/page/").content.decode()


@pytest.mark.parametrize("said", ["", "|", "a.b.c|..", "x" * 5000, "shop", "no.where"])
def test_a_cookie_may_say_anything(environment: Environment, acceptance: Environment, viewer: User, said: str) -> None:
    client = signed_in(viewer)
    client.cookies[COOKIE] = said

    assert client.get(environment.get_absolute_url()).status_code == 200


def test_parts_and_refusals_are_not_remembered(environment: Environment, shop: Environment, viewer: User) -> None:
    client = signed_in(viewer)

    client.get(reverse("backups:current", args=["shop", "live"]), headers={"HX-Request": "true"})
    client.get(reverse("backups:create", args=["shop", "live"]))
    client.get(reverse("backups:activity_table", args=["shop", "live"]))

    assert COOKIE not in client.cookies
