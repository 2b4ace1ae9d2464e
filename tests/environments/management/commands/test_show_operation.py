"""show_operation: one line, or the contract's JSON."""

import json
from io import StringIO

import pytest
from django.core.management import call_command

from environments.lookup import operation_json
from environments.models import Environment
from tests.factories import OperationFactory

pytestmark = pytest.mark.django_db


def test_it_says_on_one_line_where_the_operation_stands(environment: Environment) -> None:
    operation = OperationFactory(environment=environment, failed=True)
    out = StringIO()

    call_command("show_operation", str(operation.pk)[:13], stdout=out)

    assert out.getvalue() == (
        f"{operation.pk} create of order-desk/live: Failed: The vault could not be reached. Nothing was stored.\n"
    )


def test_json_is_the_contracts(environment: Environment) -> None:
    operation = OperationFactory(environment=environment, running=True)
    out = StringIO()

    call_command("show_operation", str(operation.pk), "--json", stdout=out)

    assert json.loads(out.getvalue()) == operation_json(operation)
