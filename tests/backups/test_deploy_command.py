"""deploy_package: registers what is new, deploys here and now, and ends as every command does."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from environments.models import Environment, Operation, Package
from tests.apps import App
from tests.backups.operations.deploying import DeployCommand

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def command(tmp_path: Path) -> DeployCommand:
    return DeployCommand(tmp_path)


@pytest.fixture
def toy(tmp_path: Path) -> App:
    folder = tmp_path / "app"
    folder.mkdir()
    toy = App(folder)
    toy.flag.unlink()
    return toy


@pytest.fixture
def place(make_place: Callable[..., Environment], toy: App, command: DeployCommand) -> Environment:
    return make_place(commands=toy.commands | {"deploy": command.line()}, name="Live", slug="live")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "order-desk-1.5.0.mda"
    path.write_bytes(b"model 1.5.0")
    return path


def test_a_new_version_is_registered_with_its_file_and_deployed(
    place: Environment, command: DeployCommand, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("deploy_package", str(place), "1.5.0", modeler_version="10.24.1", file=str(file), json=True)

    said = json.loads(capsys.readouterr().out)
    assert (said["kind"], said["status"], said["environment"]) == ("deploy", "Completed", str(place))
    assert said["requested_by"].startswith("Command line (")
    assert command.runs[0]["content"] == "model 1.5.0"
    place.refresh_from_db()
    assert place.package == Package.objects.get(model_version="1.5.0", modeler_version="10.24.1")


def test_a_known_version_needs_no_modeler(
    place: Environment, command: DeployCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    known = place.package
    call_command("deploy_package", str(place), "1.4.2.118")

    assert capsys.readouterr().out == "1.4.2.118 is deployed in Live.\n"
    assert command.runs[0]["versions"] == ["1.4.2.118", "7.23.3"]
    assert list(Package.objects.all()) == [known]


@pytest.mark.parametrize(
    ("version", "options", "sentence"),
    [
        ("1.5.0", {"file": "/no/such/file"}, "cannot be read"),
        ("1 5", {"modeler_version": "7.23.3"}, "cannot be a version"),
        ("1.4.2.181", {}, "has no package 1.4.2.181. Nothing was registered or deployed"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    place: Environment, version: str, options: dict[str, str], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("deploy_package", str(place), version, **options)

    assert not Operation.objects.exists()
    assert Package.objects.count() == 1


def test_a_version_with_other_bytes_is_refused(place: Environment, file: Path) -> None:
    call_command("deploy_package", str(place), "1.5.0", file=str(file))
    file.write_bytes(b"model 6.6.6")

    with pytest.raises(CommandError, match="a version never changes"):
        call_command("deploy_package", str(place), "1.5.0", file=str(file))


def test_a_version_of_two_modelers_asks_which(place: Environment) -> None:
    call_command("deploy_package", str(place), "1.4.2.118", modeler_version="8.0.0")

    with pytest.raises(CommandError, match="say which"):
        call_command("deploy_package", str(place), "1.4.2.118")


def test_a_running_app_and_one_that_nobody_can_ask_are_refused(
    place: Environment, toy: App, command: DeployCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.start()
    with pytest.raises(CommandError, match="is running"):
        call_command("deploy_package", str(place), "1.4.2.118")
    place.commands = {}
    place.save()
    with pytest.raises(CommandError, match="confirm that you have"):
        call_command("deploy_package", str(place), "1.4.2.118")

    call_command("deploy_package", str(place), "1.4.2.118", app_is_stopped=True)
    assert "Only the portal's record changed" in capsys.readouterr().out
    assert command.runs == []


def test_a_command_that_fails_ends_with_its_sentence(place: Environment, command: DeployCommand) -> None:
    place.commands |= {"deploy": command.line(exit_code=3)}
    place.save()

    with pytest.raises(CommandError, match="exit code 3"):
        call_command("deploy_package", str(place), "1.4.2.118")
