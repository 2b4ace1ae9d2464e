"""Home: one sentence, and a card for each environment."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from environments import clock
from environments.models import Environment
from tests.backups.operations.nights import regions, since
from tests.factories import BackupFactory, EnvironmentFactory
from tests.reading import text, texts


@pytest.fixture
def browser(viewer: User) -> Client:
    client = Client()
    client.force_login(viewer, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_home_is_for_signed_in_people(db: None) -> None:
    assert Client().get("/").url.startswith(reverse("sign_in"))


def test_whoever_has_one_environment_is_there_at_once(environment: Environment, browser: Client) -> None:
    assert browser.get("/").url == environment.get_absolute_url()


def test_whoever_has_none_is_told_what_to_do(viewer: User, browser: Client) -> None:
    assert text(browser.get("/"), class_="empty").startswith("No environments yet You are a member of no app.")


def test_each_environment_has_a_card_the_worst_first(
    environment: Environment, acceptance: Environment, browser: Client
) -> None:
    BackupFactory(environment=environment)
    BackupFactory(environment=environment, damaged=True, created_at=clock.now() - timedelta(hours=1))
    BackupFactory(environment=environment, running=True)
    EnvironmentFactory(app=environment.app, name="Test")
    BackupFactory(environment=acceptance, created_at=clock.now() - timedelta(days=4))

    page = browser.get("/")

    assert text(page, class_="sentence") == "1 of 3 environments has a backup from the last night."
    test, old, live = texts(page, class_="place")
    assert test.startswith("Order Desk Test Last good backup none")
    assert old.startswith("Order Desk Acceptance Last good backup 4 days ago")
    assert "A backup is being made now, 64 %." in live
    assert "Last good backup 5 hours ago" in live
    assert "2 backups, 9.62 GB" in live
    assert texts(page, class_="is-old")[-1].startswith("4 days ago")


def test_when_all_is_well_it_says_so(environment: Environment, acceptance: Environment, browser: Client) -> None:
    BackupFactory(environment=environment)
    BackupFactory(environment=acceptance)

    page = browser.get("/")

    assert text(page, class_="sentence") == "Both environments have a backup from the last night."


@pytest.mark.usefixtures("workers_known")
def test_what_home_costs_does_not_grow(environment: Environment, acceptance: Environment, browser: Client) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            browser.get("/")
        return len(queries)

    before = count()
    for _ in range(5):
        BackupFactory(environment=EnvironmentFactory(app=environment.app))

    assert count() == before


def test_three_nights_without_a_backup_have_a_mark_of_their_own(
    environment: Environment, acceptance: Environment, browser: Client
) -> None:
    regions()
    since(environment, clock.now() - timedelta(days=5))
    since(acceptance, clock.now() - timedelta(days=2))

    page = browser.get("/")

    urgent = texts(page, class_="is-urgent")
    assert len(urgent) == 1
    assert urgent[0].startswith("Urgent. No nightly backup for ")
    assert len(texts(page, class_="is-trouble")) == 2
