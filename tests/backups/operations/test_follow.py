"""After an exchange that changed what is deployed, record and runtime say the same, and are told back by undo."""

from pathlib import Path

import pytest

from backups.choices import UploadPart
from backups.operations.undo import request_undo
from environments.choices import Status
from environments.lifecycle.run import run_here
from environments.models import Environment
from tests.backups.uploaded import BY, FILES, bring, files_in, put
from tests.factories import AppServiceFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("is_production", [True, False])
def test_services_are_unpublished_in_production_alone_and_come_back_with_undo(
    target: Environment, is_production: bool
) -> None:
    target.is_production = is_production
    target.save()
    service = AppServiceFactory(environment=target)
    hidden = AppServiceFactory(environment=target, is_published=False)

    put(target, bring(target, UploadPart.FILES, FILES))

    service.refresh_from_db()
    assert service.is_published is not is_production
    run_here(request_undo(target, by=BY, confirm=target.name, is_rung=False))
    service.refresh_from_db()
    hidden.refresh_from_db()
    assert (service.is_published, hidden.is_published) == (True, False)


def test_the_runtime_is_told_by_its_own_commands_and_told_back_by_undo(target: Environment, tmp_path: Path) -> None:
    trace, script = tmp_path / "told", tmp_path / "tell"
    script.write_text(f'#!/bin/sh\necho "$@" >> {trace}\n')
    script.chmod(0o755)
    told = {name: f"{script} {name}" for name in ("deploy", "undeploy", "services")}
    target.commands, target.is_production = {**target.commands, **told}, True
    target.save()
    AppServiceFactory(environment=target)

    operation = put(target, bring(target, UploadPart.FILES, FILES))

    assert trace.read_text() == "undeploy\nservices unpublish\n"
    assert "only the portal's record" not in operation.message
    run_here(request_undo(target, by=BY, confirm=target.name, is_rung=False))
    assert trace.read_text().endswith("deploy 1.4.2.118 7.23.3\nservices publish\n")


def test_without_commands_it_says_that_only_the_record_changed(target: Environment) -> None:
    operation = put(target, bring(target, UploadPart.FILES, FILES))
    assert "No undeploy command is registered, so only the portal's record" in operation.message


def test_a_command_that_fails_is_said_and_the_data_stays(target: Environment) -> None:
    target.commands = {**target.commands, "undeploy": "/bin/false"}
    target.save()

    operation = put(target, bring(target, UploadPart.FILES, FILES))

    assert operation.status == Status.COMPLETED
    assert "The undeploy command ended with exit code 1" in operation.message
    assert files_in(target)["a"] == b"new"
