"""cancel: ends what is Queued, asks what is Running, refuses what has ended."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from environments.choices import Status
from environments.models import Environment
from tests.factories import OperationFactory

pytestmark = pytest.mark.django_db


def test_a_queued_one_has_ended(environment: Environment) -> None:
    operation = OperationFactory(environment=environment, queued=True)
    out = StringIO()

    call_command("cancel", str(operation.pk), "--json", stdout=out)

    shown = json.loads(out.getvalue())
    assert shown["status"] == "Failed"
    assert shown["message"].startswith("Cancelled by Command line (")


def test_a_running_one_is_asked(environment: Environment) -> None:
    operation = OperationFactory(environment=environment, running=True)
    out = StringIO()

    call_command("cancel", str(operation.pk), stdout=out)

    assert out.getvalue() == f"{operation.pk} Running: It ends at its next sign of life.\n"
    operation.refresh_from_db()
    assert (operation.status, operation.cancelled_by_name[:12]) == (Status.RUNNING, "Command line")


def test_an_ended_one_is_refused(environment: Environment) -> None:
    operation = OperationFactory(environment=environment)

    with pytest.raises(CommandError, match="has already ended"):
        call_command("cancel", str(operation.pk))
