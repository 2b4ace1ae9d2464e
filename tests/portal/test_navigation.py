"""The shell: switchers, menu, what runs, how the workers are, light and dark."""

import tomllib
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

import portal
from environments import clock
from environments.lifecycle.signs import PORTAL
from environments.models import Environment
from portal.config import ROOT
from tests.factories import AppFactory, BackupFactory, EnvironmentFactory, GrantFactory, MembershipFactory, SignFactory
from tests.reading import text, texts


@pytest.fixture(autouse=True)
def forgotten() -> None:
    cache.clear()


@pytest.fixture
def browser(viewer: User) -> Client:
    client = Client()
    client.force_login(viewer, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_the_switchers_hold_what_the_person_may_see(
    environment: Environment, acceptance: Environment, viewer: User, browser: Client
) -> None:
    hidden = EnvironmentFactory(app=environment.app, name="Hidden")
    GrantFactory(environment=hidden, membership=viewer.memberships.get(), rights=[])
    EnvironmentFactory(app=MembershipFactory(user=viewer, app=AppFactory(name="Another <b>")).app)
    EnvironmentFactory(app=AppFactory(name="Foreign"))

    page = browser.get(environment.get_absolute_url())

    assert text(page, id="environments").split(" Other apps")[0] == "Acceptance Live production"
    assert text(page, id="apps") == "Another <b> Order Desk"
    assert b"Foreign" not in page.content
    assert b"Hidden" not in page.content


def test_production_wears_its_stripe_and_badge(
    environment: Environment, acceptance: Environment, browser: Client
) -> None:
    assert b'<body class="is-production' in browser.get(environment.get_absolute_url()).content
    assert b"is-production" not in browser.get(acceptance.get_absolute_url()).content


def test_the_menu_marks_the_present_page(environment: Environment, browser: Client) -> None:
    page = browser.get(environment.get_absolute_url())
    assert texts(page, aria_current="page") == ["Backups"]
    place = browser.get(reverse("backups:environment", args=["order-desk", "live"]))

    assert texts(place, aria_current="page") == ["Environment"]
    assert reverse("backups:environment", args=["order-desk", "live"]) in page.content.decode()


def test_switching_stays_on_the_page(
    environment: Environment, acceptance: Environment, viewer: User, browser: Client
) -> None:
    other = EnvironmentFactory(app=MembershipFactory(user=viewer, app=AppFactory(slug="shop")).app, slug="live")
    pages = {"backups:environment": "environment/", "backups:list": "backups/"}
    pages |= {"backups:activity": "activity/", "environments:members": "members/"}
    for name, end in pages.items():
        page = browser.get(reverse(name, args=["order-desk", "live"])).content.decode()
        for one in (acceptance, other):
            assert f'href="/apps/{one.app.slug}/{one.slug}/{end}"' in page


def test_what_runs_is_counted_where_the_person_sees(
    environment: Environment, acceptance: Environment, browser: Client
) -> None:
    assert text(browser.get(environment.get_absolute_url()), id="running") == ""
    BackupFactory(environment=acceptance, running=True)
    BackupFactory(environment=environment, running=True)
    BackupFactory(running=True)

    assert text(browser.get(environment.get_absolute_url()), id="running") == "2 operations running"


def test_the_foot_says_how_the_workers_are(environment: Environment, browser: Client) -> None:
    address = environment.get_absolute_url()
    assert "Workers: never seen" in browser.get(address).content.decode()
    cache.clear()
    SignFactory(name=PORTAL, at=clock.now() - timedelta(seconds=6))

    fresh = browser.get(address)
    assert "Workers: 6 s ago" in fresh.content.decode() or "Workers: 7 s ago" in fresh.content.decode()
    assert texts(fresh, class_="is-late") == []

    cache.clear()
    SignFactory._meta.model.objects.update(at=clock.now() - timedelta(minutes=10))
    assert text(browser.get(address), class_="is-late") == "Workers: 10 min ago"


def test_the_version_is_the_projects(environment: Environment, browser: Client) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["version"] == portal.__version__
    assert f"Portal {portal.__version__}" in browser.get(environment.get_absolute_url()).content.decode()


@pytest.mark.usefixtures("workers_known")
def test_what_the_shell_costs_does_not_grow(environment: Environment, viewer: User, browser: Client) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            browser.get(environment.get_absolute_url())
        return len(queries)

    count()
    before = count()
    for _ in range(5):
        EnvironmentFactory(app=MembershipFactory(user=viewer).app)

    assert count() == before


def test_a_theme_is_remembered_and_forgotten(environment: Environment, browser: Client) -> None:
    address = environment.get_absolute_url()
    assert b"data-theme=" not in browser.get(address).content

    answer = browser.post(reverse("theme"), {"theme": "dark", "next": address})
    assert (answer.status_code, answer.url) == (302, address)
    assert b'<html lang="en" data-theme="dark">' in browser.get(address).content

    browser.post(reverse("theme"), {"theme": "", "next": address})
    assert b"data-theme=" not in browser.get(address).content


@pytest.mark.parametrize("elsewhere", ["https://evil.example", "//evil.example", "javascript:alert(1)", ""])
def test_a_theme_leads_nowhere_else(browser: Client, elsewhere: str) -> None:
    assert browser.post(reverse("theme"), {"theme": "light", "next": elsewhere}).url == "/"
    assert browser.get(reverse("theme")).status_code == 405


def test_a_foreign_theme_in_the_cookie_is_ignored(environment: Environment, browser: Client) -> None:
    browser.cookies["portal_theme"] = '"><script>'

    assert b"data-theme=" not in browser.get(environment.get_absolute_url()).content
