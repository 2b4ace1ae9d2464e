"""Environments and operations as commands name them and show them (specification §10)."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from .errors import EnvironmentUnknown, OperationUnknown
from .models import Environment, Operation

SHORTEST = 8


def find_environment(name: str) -> Environment:
    """The environment written `app/environment`.

    Raises:
        EnvironmentUnknown
    """
    app, _, environment = name.partition("/")
    rows = Environment.objects.live().select_related("app", "region", "package")
    found = rows.filter(app__slug=app, slug=environment).first()
    if found is None:
        raise EnvironmentUnknown(name)
    return found


def find_operation(name: str) -> Operation:
    """The operation of this id, or of an id that begins so (eight characters at least, and only one may).

    Raises:
        OperationUnknown
    """
    digits = name.replace("-", "").lower()
    if not SHORTEST <= len(digits) <= 32 or set(digits) - set("0123456789abcdef"):
        raise OperationUnknown(name)
    first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    rows = Operation.objects.select_related("environment__app", "environment__region", "requested_by")
    matching = list(rows.filter(pk__range=(first, last))[:2])
    if len(matching) != 1:
        raise OperationUnknown(name)
    return matching[0]


def moment(value: datetime | None) -> str | None:
    """A moment as JSON shows it: ISO 8601, UTC, with Z."""
    return None if value is None else f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


def operation_json(operation: Operation) -> dict[str, Any]:
    """An operation as `--json` prints it: the keys are a contract."""
    return {
        "id": str(operation.pk),
        "kind": operation.kind,
        "environment": str(operation.environment),
        "backup": str(operation.subject) if operation.subject else None,
        "status": operation.status,
        "phase": operation.phase or None,
        "percent": operation.percent,
        "attempt": operation.attempt,
        "requested_by": operation.requested_by_name,
        "created_at": moment(operation.created_at),
        "started_at": moment(operation.started_at),
        "finished_at": moment(operation.finished_at),
        "message": operation.message or None,
    }
