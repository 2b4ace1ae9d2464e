"""Fifty environments of one database server at one slot, two workers: never too many at once, and people go before."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from backups.models import Backup
from backups.operations.create import request_create
from backups.operations.nightly import queue_nightlies
from environments.actors import Actor
from environments.choices import ACTIVE, Origin, Status
from environments.models import Environment, Operation
from tests.backups.operations.nights import regions, since
from tests.factories import EnvironmentFactory
from tests.workers import Workers, eventually

pytestmark = pytest.mark.django_db(transaction=True)
INES = Actor("Ines Duarte", Origin.PERSON)
SLOT = datetime(2026, 1, 7, 19, tzinfo=UTC)
PLACES = 50 if os.environ.get("PORTAL_TEST_THOROUGH") else 16


@pytest.fixture
def places(make_place: Callable[..., Environment], tmp_path: Path) -> list[Environment]:
    """Each a database of the same server, tiny."""
    regions()
    first = make_place("CREATE TABLE orders AS SELECT 1 AS id")
    found = [first]
    for number in range(1, PLACES):
        files = tmp_path / f"place-{number}"
        files.mkdir()
        place = EnvironmentFactory(files_directory=str(files))
        place.database_address = replace(first.database_address)
        place.save()
        found.append(place)
    return [since(place, SLOT - timedelta(hours=1)) for place in found]


def test_the_night_of_many_is_spread_and_a_person_overtakes(
    places: list[Environment], start_workers: Callable[..., Workers]
) -> None:
    queue_nightlies(SLOT)
    Operation.objects.update(not_before_at=None)  # the five seconds between them are over
    start_workers()
    eventually(lambda: Operation.objects.filter(status=Status.COMPLETED).count() >= 2, within=120)

    asked = request_create(places[-1], by=INES)
    eventually(lambda: not Operation.objects.filter(pk=asked.operation_id, status__in=ACTIVE).exists(), within=120)
    assert Operation.objects.filter(status=Status.QUEUED).exists()
    eventually(lambda: not Operation.objects.filter(status__in=ACTIVE).exists(), within=300)

    assert Backup.objects.completed().count() == PLACES + 1
    assert set(Operation.objects.values_list("attempt", flat=True)) == {1}
    nights = Operation.objects.filter(origin=Origin.NIGHTLY).order_by("started_at")
    spans = list(nights.values_list("started_at", "finished_at"))
    assert all(ended <= began for (_, ended), (began, _) in pairwise(spans))
