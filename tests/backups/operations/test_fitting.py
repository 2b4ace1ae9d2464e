"""Fitting: which model the live data is of, after whatever happened, and how packages stand to it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from backups.choices import Contents
from backups.models import Restore
from backups.operations.fitting import Versions, compare_with_live, fitting_package, live_versions
from backups.policy.versions import Comparison
from environments import clock
from environments.choices import State
from environments.models import Environment
from tests.factories import BackupFactory, OperationFactory, PackageFactory

pytestmark = pytest.mark.django_db
OLD, NOW, NEXT = Versions("1.3.9", "10.12.2"), Versions("1.4.0", "10.18.3"), Versions("1.5.0", "10.24.1")
Happen = Callable[..., None]


@pytest.fixture
def place(environment: Environment) -> Environment:
    environment.package = PackageFactory(app=environment.app, **NOW._asdict())
    environment.state = State.STOPPED
    environment.save()
    return environment


@pytest.fixture
def happen(place: Environment) -> Happen:
    """Something that was Completed here, each after the one before."""
    begun_at, count = clock.now() - timedelta(days=1), [0]

    def happened(kind: str, versions: Versions | None = None, contents: str = Contents.FULL, **facts: Any) -> None:
        count[0] += 1
        at = begun_at + timedelta(minutes=count[0])
        operation = OperationFactory(environment=place, kind=kind, created_at=at, finished_at=at, **facts)
        if kind == "restore":
            backup = BackupFactory(environment=place, **versions._asdict()) if versions else None
            Restore.objects.create(operation=operation, backup=backup, environment=place, contents=contents)

    return happened


def deployed(replaces: Versions | None) -> dict[str, Any]:
    return {"params": {"replaces": list(replaces) if replaces else None}}


def test_at_first_it_is_that_of_the_deployed_package(place: Environment, happen: Happen) -> None:
    assert live_versions(place) == NOW
    happen("start")
    assert live_versions(place) == NOW


def test_a_restore_brings_the_backups_model(place: Environment, happen: Happen) -> None:
    happen("start")
    happen("restore", OLD)
    assert live_versions(place) == OLD
    happen("deploy", **deployed(NOW))
    assert live_versions(place) == OLD


def test_restored_files_alone_change_no_model(place: Environment, happen: Happen) -> None:
    happen("start")
    happen("restore", OLD, contents=Contents.FILES)
    assert live_versions(place) == NOW


def test_what_is_deployed_counts_from_its_start_on(place: Environment, happen: Happen) -> None:
    happen("start")
    happen("deploy", **deployed(OLD))
    assert live_versions(place) == OLD
    happen("deploy", **deployed(NEXT))
    assert live_versions(place) == OLD
    happen("start")
    assert live_versions(place) == NOW


def test_an_undo_brings_data_and_package_back_together(place: Environment, happen: Happen) -> None:
    happen("restore", OLD)
    happen("undo")
    assert live_versions(place) == NOW


def test_nobody_knows_the_model_of_uploaded_data_or_of_a_backup_that_is_gone(
    place: Environment, happen: Happen
) -> None:
    happen("upload")
    assert live_versions(place) is None
    happen("restore", None)
    assert live_versions(place) is None


def test_a_running_app_has_made_the_data_its_own(place: Environment, happen: Happen) -> None:
    happen("restore", OLD)
    place.state = State.RUNNING
    assert live_versions(place) == NOW


def test_what_failed_changed_nothing(place: Environment, happen: Happen) -> None:
    happen("restore", OLD, failed=True)
    assert live_versions(place) == NOW


@pytest.mark.parametrize(
    ("live", "found"),
    [(NOW, Comparison.EQUAL), (NEXT, Comparison.OLDER), (OLD, Comparison.NEWER), (None, Comparison.UNKNOWN)],
)
def test_a_package_stands_so_to_the_data(place: Environment, live: Versions | None, found: Comparison) -> None:
    assert place.package is not None
    assert compare_with_live(place.package, live) == found


def test_the_package_that_fits_is_the_apps_own(place: Environment) -> None:
    PackageFactory(**OLD._asdict())
    assert fitting_package(place, OLD) is None
    assert fitting_package(place, None) is None
    own = PackageFactory(app=place.app, **OLD._asdict())
    assert fitting_package(place, OLD) == own
