"""Metrics: behind their token, true to the rows, and as cheap for many places as for few."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries

from environments import clock
from environments.choices import Status
from environments.models import Environment
from tests.factories import BackupFactory, EnvironmentFactory, OperationFactory, SignFactory

TOKEN = {"Authorization": "Bearer s3cret"}
PLACE = {"app": "order-desk", "environment": "live"}


@pytest.fixture(autouse=True)
def token(settings: Any) -> None:
    settings.METRICS_TOKEN = "s3cret"


def scrape() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = Client().get("/metrics", headers=TOKEN)
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.content.decode())
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def value(name: str, **labels: str) -> float:
    return scrape()[name, frozenset(labels.items())]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer other"}, {"Authorization": "Bearer "}])
def test_without_the_token_there_is_nothing(db: None, headers: dict[str, str]) -> None:
    assert Client().get("/metrics", headers=headers).status_code == 404


def test_without_a_token_in_the_settings_neither(db: None, settings: Any) -> None:
    settings.METRICS_TOKEN = ""

    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_the_last_good_backup_tells_its_age(environment: Environment) -> None:
    now = clock.now()
    BackupFactory(environment=environment, created_at=now - timedelta(hours=30))
    BackupFactory(environment=environment, created_at=now - timedelta(hours=2), damaged=True)
    BackupFactory(environment=environment, created_at=now - timedelta(hours=1), failed=True)

    assert value("portal_last_good_backup_age_seconds", **PLACE) == pytest.approx(30 * 3600, abs=60)
    assert value("portal_backups", **PLACE) == 2
    assert value("portal_backups_broken", **PLACE) == 1


def test_a_place_without_a_backup_is_infinitely_old(environment: Environment) -> None:
    assert value("portal_last_good_backup_age_seconds", **PLACE) == float("inf")


def test_what_waits_and_what_ended_is_counted(environment: Environment) -> None:
    now = clock.now()
    queue = OperationFactory(environment=environment, queued=True, created_at=now - timedelta(minutes=5)).queue
    for minutes in (10, 20):
        OperationFactory(
            environment=environment,
            kind="create",
            started_at=now - timedelta(minutes=minutes + 1),
            finished_at=now - timedelta(minutes=minutes),
        )
    SignFactory(name="reaper")

    assert value("portal_operations", kind="create", queue=queue, status=Status.QUEUED) == 1
    assert value("portal_operations_oldest_seconds", queue=queue) == pytest.approx(300, abs=60)
    assert value("portal_operations_ended_day_total", kind="create", status=Status.COMPLETED) == 2
    assert value("portal_operation_seconds_day_sum", kind="create", status=Status.COMPLETED) == pytest.approx(120)
    assert value("portal_sign_age_seconds", of="reaper") < 60


def test_many_places_cost_no_more_than_few(
    environment: Environment, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for place in EnvironmentFactory.create_batch(12, app=environment.app):
        BackupFactory(environment=place)

    with django_assert_max_num_queries(8):
        scrape()
