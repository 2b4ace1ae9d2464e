"""Deploy: only into a stopped environment, by the operator's own command, and the record tells the truth afterwards."""

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from backups.errors import PackageRefused
from backups.operations import deploy as module
from backups.operations.deploy import request_deploy
from backups.operations.package import register_package
from environments.actors import Actor
from environments.choices import Origin, State, Status
from environments.errors import AppNotStopped, EnvironmentBusy
from environments.lifecycle.cancel import cancel
from environments.lifecycle.reaper import reap
from environments.lifecycle.run import run_here
from environments.models import Activity, Environment, Operation, Package
from environments.operations.start import request_start
from portal.config import ROOT
from tests.apps import App
from tests.factories import AppFactory, MembershipFactory, PackageFactory
from tests.workers import eventually

from .deploying import DeployCommand

pytestmark = pytest.mark.django_db(transaction=True)
BY = Actor("Ines Duarte", Origin.PERSON)
CONTENT = b"the whole of model 1.5.0"


@pytest.fixture
def toy(tmp_path: Path) -> App:
    folder = tmp_path / "app"
    folder.mkdir()
    toy = App(folder)
    toy.flag.unlink()
    return toy


@pytest.fixture
def command(tmp_path: Path) -> DeployCommand:
    return DeployCommand(tmp_path)


@pytest.fixture
def place(make_place: Callable[..., Environment], toy: App, command: DeployCommand) -> Environment:
    """Stopped, with 1.4.2.118 deployed."""
    return make_place(commands=toy.commands | {"deploy": command.line()}, name="Acceptance", slug="acceptance")


@pytest.fixture
def package(place: Environment) -> Package:
    return register_package(
        place.app, model_version="1.5.0", modeler_version="10.24.1", file=io.BytesIO(CONTENT), filename="o d.mda", by=BY
    )


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETTLES_WITHIN_SECONDS", 1)


def deploy(place: Environment, package: Package, **consent: bool) -> Operation:
    return run_here(request_deploy(place, package, by=BY, is_rung=False, **consent))


def deployed(place: Environment) -> str | None:
    return Environment.objects.values_list("package__model_version", flat=True).get(pk=place.pk)


def scratch() -> list[Path]:
    return list((Path(settings.DATA_DIR) / "scratch").glob("*"))


def test_the_command_gets_versions_and_file_and_the_record_follows(
    place: Environment, package: Package, command: DeployCommand
) -> None:
    operation = deploy(place, package)

    assert (operation.status, operation.message) == (Status.COMPLETED, "1.5.0 is deployed in Acceptance.")
    assert command.runs == [
        {
            "versions": ["1.5.0", "10.24.1"],
            "file": "o d.mda",
            "environment": "acceptance",
            "content": CONTENT.decode(),
        }
    ]
    place.refresh_from_db()
    assert (place.package, place.state) == (package, State.STOPPED)
    actions = set(Activity.objects.filter(environment=place).values_list("action", flat=True))
    assert actions >= {"deploy.requested", "package.deployed", "deploy.completed"}
    assert Activity.objects.get(action="package.deployed").facts == {"package": package.pk}
    assert scratch() == []


def test_an_empty_environment_is_stopped_afterwards_and_can_start(
    place: Environment, package: Package, toy: App
) -> None:
    place.package = None
    place.save()
    assert deploy(place, package).status == Status.COMPLETED

    place.refresh_from_db()
    assert place.state == State.STOPPED
    run_here(request_start(place, by=BY, is_rung=False))
    assert toy.is_running


def test_a_package_without_a_file_is_told_by_its_versions(place: Environment, command: DeployCommand) -> None:
    bare = PackageFactory(app=place.app, model_version="1.3.9", modeler_version="")
    assert deploy(place, bare).status == Status.COMPLETED

    assert command.runs[0]["versions"] == ["1.3.9", ""]
    assert command.runs[0]["file"] is None


def test_without_a_command_only_the_record_changes_and_that_is_said(place: Environment, package: Package) -> None:
    place.commands = {name: line for name, line in place.commands.items() if name != "deploy"}
    place.save()
    operation = deploy(place, package)

    assert operation.status == Status.COMPLETED
    assert "Only the portal's record changed" in operation.message
    assert deployed(place) == "1.5.0"


def test_a_running_app_is_refused_at_the_door(
    place: Environment, package: Package, toy: App, command: DeployCommand
) -> None:
    toy.start()
    with pytest.raises(AppNotStopped, match="is running"):
        request_deploy(place, package, by=BY)

    assert not Operation.objects.filter(kind="deploy").exists()
    assert command.runs == []


def test_an_app_that_came_back_meanwhile_is_not_deployed_over(
    place: Environment, package: Package, toy: App, command: DeployCommand
) -> None:
    operation = request_deploy(place, package, by=BY, is_rung=False)
    toy.start()
    ended = run_here(operation)

    assert ended.status == Status.FAILED
    assert ended.message == "Acceptance is running. Nothing was deployed."
    assert deployed(place) == "1.4.2.118"
    assert command.runs == []


def test_where_nobody_can_tell_a_person_has_to_say_it_and_sessions_are_believed_more(
    place: Environment, package: Package, command: DeployCommand
) -> None:
    place.commands = {"deploy": command.line()}
    place.save()
    with pytest.raises(AppNotStopped, match="cannot tell"):
        request_deploy(place, package, by=BY)
    address = place.database_address
    keys = {"host": address.host, "port": address.port, "dbname": address.name, "user": address.user}
    with psycopg.connect(**keys, password=address.password, application_name="order-desk"):
        lied = deploy(place, package, is_said_stopped=True)

    assert lied.status == Status.FAILED
    assert "1 session (order-desk" in lied.message
    assert command.runs == []
    assert deploy(place, package, is_said_stopped=True).status == Status.COMPLETED
    assert len(command.runs) == 1


def test_a_command_that_fails_leaves_the_record_as_it_was_and_says_so(
    place: Environment, package: Package, command: DeployCommand
) -> None:
    place.commands |= {"deploy": command.line(exit_code=4)}
    place.save()
    operation = deploy(place, package)

    assert operation.status == Status.FAILED
    assert "exit code 4. It said: no such slot" in operation.message
    assert "the portal's record still names 1.4.2.118" in operation.message
    assert deployed(place) == "1.4.2.118"
    assert not Activity.objects.filter(action="package.deployed").exists()
    assert scratch() == []


@pytest.mark.parametrize("harm", ["damaged", "missing"])
def test_a_file_that_is_not_what_was_stored_never_reaches_the_command(
    place: Environment, package: Package, command: DeployCommand, harm: str
) -> None:
    stored = Path(settings.VAULT_LOCATION) / package.stored_as
    stored.write_bytes(CONTENT.replace(b"1.5.0", b"6.6.6")) if harm == "damaged" else stored.unlink()

    operation = deploy(place, package)

    assert operation.status == Status.FAILED
    assert package.stored_as in operation.message
    assert command.runs == []
    assert deployed(place) == "1.4.2.118"
    assert scratch() == []


def test_a_package_of_another_app_or_one_that_was_removed_is_refused(place: Environment, package: Package) -> None:
    with pytest.raises(PackageRefused, match="another app's"):
        request_deploy(place, PackageFactory(app=AppFactory()), by=BY)
    operation = request_deploy(place, package, by=BY, is_rung=False)
    package.delete()

    assert "was removed meanwhile" in run_here(operation).message


def test_one_deployment_at_a_time(place: Environment, package: Package) -> None:
    request_deploy(place, package, by=BY, is_rung=False)

    with pytest.raises(EnvironmentBusy, match="A deployment"):
        request_deploy(place, package, by=BY)


def test_who_lost_the_right_meanwhile_deploys_nothing(
    place: Environment, package: Package, stranger: User, command: DeployCommand
) -> None:
    membership = MembershipFactory(app=place.app, user=stranger, role="operator")
    operation = request_deploy(place, package, by=Actor.person(stranger), is_rung=False)
    membership.delete()

    assert "no longer holds the right" in run_here(operation).message
    assert command.runs == []


def test_once_the_command_has_begun_cancelling_comes_too_late(
    place: Environment, package: Package, command: DeployCommand
) -> None:
    """Halfway, nobody would know what is deployed: it is seen through, and the record says what is true."""
    command.hold.touch()
    operation = request_deploy(place, package, by=BY, is_rung=False)

    def cancel_and_let_go() -> None:
        eventually(lambda: command.runs)
        cancel(operation, by=BY)
        connection.close()
        command.hold.unlink()

    canceller = threading.Thread(target=cancel_and_let_go)
    canceller.start()
    ended = run_here(operation)
    canceller.join()

    assert ended.cancelled_by_name == "Ines Duarte"
    assert ended.status == Status.COMPLETED
    assert deployed(place) == "1.5.0"


def test_a_deployment_whose_worker_was_killed_is_done_again(
    place: Environment, package: Package, command: DeployCommand, process_environ: dict[str, str]
) -> None:
    command.hold.touch()
    operation = request_deploy(place, package, by=BY, is_rung=False)
    code = "import django, sys, uuid; django.setup(); from environments.lifecycle.run import run; "
    code += "run(uuid.UUID(sys.argv[1]))"
    with subprocess.Popen([sys.executable, "-c", code, str(operation.pk)], cwd=ROOT, env=process_environ) as worker:
        eventually(lambda: command.runs)
        os.kill(worker.pid, signal.SIGKILL)
    assert deployed(place) == "1.4.2.118"
    command.hold.unlink()
    Operation.objects.filter(pk=operation.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    reap()

    assert scratch() == []
    ended = run_here(Operation.objects.get(pk=operation.pk))
    assert ended.status == Status.COMPLETED
    assert (ended.attempt, deployed(place)) == (2, "1.5.0")
    assert len(command.runs) == 2
    assert scratch() == []
