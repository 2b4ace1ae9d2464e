"""Since when an environment's nightly schedule holds."""

from datetime import UTC, datetime

import pytest

from environments import clock
from environments.models import Environment
from tests.factories import RegionFactory

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def save(environment: Environment, *fields: str, **changes: object) -> datetime | None:
    """Save these changes at noon; since when its nights count, as the database has it."""
    for name, value in changes.items():
        setattr(environment, name, value)
    with clock.turned_to(NOON):
        environment.save(update_fields=fields or None)
    return Environment.objects.get(pk=environment.pk).nightly_since


def test_from_the_beginning_it_holds_since_the_environment_exists(environment: Environment) -> None:
    assert environment.nightly_since is None
    assert environment.nights_since == environment.created_at


@pytest.mark.parametrize("change", [{"cloud_version": "v3"}, {"is_nightly_on": False}], ids=str)
@pytest.mark.parametrize("is_partly", [False, True])
def test_a_changed_schedule_holds_from_now_on(
    environment: Environment, change: dict[str, object], is_partly: bool
) -> None:
    since = save(environment, *(change if is_partly else ()), **change)

    assert since is not None and abs((since - NOON).total_seconds()) < 60


def test_moving_to_another_region_changes_it(environment: Environment) -> None:
    assert save(environment, region=RegionFactory(slug="us-east", zone="America/New_York")) is not None


def test_switched_off_there_are_no_nights(environment: Environment) -> None:
    save(environment, is_nightly_on=False)

    assert environment.nights_since is None


def test_other_changes_leave_it_alone_even_of_an_object_that_is_out_of_date(environment: Environment) -> None:
    stale = Environment.objects.get(pk=environment.pk)
    assert save(environment, name="Other") is None
    Environment.objects.filter(pk=environment.pk).update(cloud_version="v3")

    assert save(stale, "name", name="Another") is None
