"""How commands name environments and operations, and the JSON that is a contract."""

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest

from environments.errors import EnvironmentUnknown, OperationUnknown
from environments.lookup import find_environment, find_operation, moment, operation_json
from environments.models import Environment
from tests.factories import OperationFactory

pytestmark = pytest.mark.django_db


def test_an_environment_is_found_by_app_and_slug(environment: Environment, acceptance: Environment) -> None:
    assert find_environment("order-desk/live") == environment


@pytest.mark.parametrize("name", ["order-desk/nowhere", "nothing/live", "live", "order-desk", "", "/", "a/b/c"])
def test_what_is_no_environment_is_said_with_its_name(environment: Environment, name: str) -> None:
    with pytest.raises(EnvironmentUnknown, match="it is written app/environment") as refused:
        find_environment(name)
    assert repr(name) in str(refused.value)


def test_a_deleted_environment_is_not_found(environment: Environment) -> None:
    Environment.objects.update(deleted_at=datetime(2026, 1, 1, tzinfo=UTC))

    with pytest.raises(EnvironmentUnknown):
        find_environment("order-desk/live")


def test_an_operation_is_found_by_its_id_and_by_how_it_begins(environment: Environment) -> None:
    operation = OperationFactory(id=uuid.UUID("0a1b2c3d-4e5f-4000-8000-000000000001"), environment=environment)
    OperationFactory(id=uuid.UUID("0a1b2c3d-4e5f-4000-8000-000000000002"))
    OperationFactory(id=uuid.UUID("ffffffff-4e5f-4000-8000-000000000002"))

    for name in (str(operation.pk), operation.pk.hex, str(operation.pk).upper()):
        assert find_operation(name) == operation
    assert str(find_operation("ffffffff").pk).startswith("ffffffff")


@pytest.mark.parametrize("name", ["0a1b2c3d", "0a1b2c3", "", "latest", "0a1b2c3d-4e5f-4000-8000-000000000003", "é" * 8])
def test_what_is_no_operation_or_more_than_one_is_said_with_its_name(name: str) -> None:
    for last in "12":
        OperationFactory(id=uuid.UUID(f"0a1b2c3d-4e5f-4000-8000-00000000000{last}"))

    with pytest.raises(OperationUnknown, match=repr(name)):
        find_operation(name)


def test_an_operation_in_json_has_the_keys_of_the_contract(environment: Environment) -> None:
    subject = uuid.uuid4()
    operation = OperationFactory(
        running=True,
        environment=environment,
        subject=subject,
        created_at=datetime(2026, 11, 25, 14, 30, tzinfo=UTC),
        attempt=2,
    )

    assert operation_json(operation) == {
        "id": str(operation.pk),
        "kind": "create",
        "environment": "order-desk/live",
        "backup": str(subject),
        "status": "Running",
        "phase": "Saving the uploaded files",
        "percent": 64,
        "attempt": 2,
        "requested_by": "Maren Holt",
        "created_at": "2026-11-25T14:30:00Z",
        "started_at": "2026-11-25T14:30:01Z",
        "finished_at": None,
        "message": None,
    }


def test_absent_values_are_null() -> None:
    shown = operation_json(OperationFactory(queued=True))

    assert {name for name, value in shown.items() if value is None} == {
        "backup",
        "phase",
        "percent",
        "started_at",
        "finished_at",
        "message",
    }


def test_moments_are_shown_in_utc_whatever_zone_they_come_in() -> None:
    assert moment(datetime(2026, 1, 1, 1, 0, 0, 999_999, timezone(timedelta(hours=2)))) == "2025-12-31T23:00:00Z"
    assert moment(None) is None
