"""Adding and deploying packages: who may, what is said before, what is refused."""

from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from backups.storage.names import MARKER
from environments.choices import State
from environments.models import Environment, Operation, Package
from tests.factories import BackupFactory, OperationFactory, PackageFactory
from tests.factories_exchange import RestoreFactory

from .conftest import Address, CheckDoor, SignIn

STOPPED = {"status": "false", "deploy": "true"}


@pytest.fixture
def place(environment: Environment) -> Environment:
    environment.commands = STOPPED
    environment.save()
    return environment


@pytest.fixture
def package(place: Environment) -> Package:
    return PackageFactory(app=place.app, model_version="1.3.9")


def deploying(place: Environment, package: Package) -> str:
    return reverse("backups:deploy", args=[place.app.slug, place.slug, package.pk])


def upload(content: bytes = b"model", name: str = "desk-1.5.0.mda") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


# Adding


def test_adding_is_for_those_who_may_operate(
    place: Environment, developer: User, address: Address, check_door: CheckDoor
) -> None:
    check_door(address("add_package", place), without=developer, wrong="put")
    check_door(address("add_package", place), without=developer, wrong="delete", method="post")


def test_a_package_is_registered_with_its_file(
    place: Environment, operator: User, address: Address, sign_in: SignIn
) -> None:
    client = sign_in(operator)
    told = {"model_version": " 1.5.0 ", "modeler_version": "10.24.1", "file": upload()}
    answer = client.post(address("add_package", place), told)

    assert answer.url == address("environment", place)
    added = Package.objects.get(app=place.app, model_version="1.5.0", modeler_version="10.24.1")
    assert (added.file_name, added.file_bytes) == ("desk-1.5.0.mda", 5)
    page = client.get(answer.url).content.decode()
    assert "The package 1.5.0 is registered." in page
    assert "desk-1.5.0.mda" in page


def test_versions_alone_are_enough(place: Environment, operator: User, address: Address, sign_in: SignIn) -> None:
    sign_in(operator).post(address("add_package", place), {"model_version": "1.5.0"})

    assert not Package.objects.get(model_version="1.5.0").has_file
    assert not Path(settings.VAULT_LOCATION).exists()


@pytest.mark.parametrize(
    ("told", "status", "words"),
    [
        ({"model_version": ""}, 422, "This field is required"),
        ({"model_version": "1" * 61}, 422, "at most 60"),
        ({"model_version": "1 5 0"}, 409, "cannot be a version"),
        ({"model_version": "1.5.0", "file": b""}, 409, "is empty"),
    ],
)
def test_what_cannot_be_added_is_said_and_what_was_typed_stays(
    place: Environment,
    operator: User,
    address: Address,
    sign_in: SignIn,
    told: dict[str, str | bytes],
    status: int,
    words: str,
) -> None:
    given = {**told, **({"file": upload(b"")} if "file" in told else {}), "modeler_version": "10.24.1"}
    answer = sign_in(operator).post(address("add_package", place), given)

    assert answer.status_code == status
    assert words in answer.content.decode()
    assert 'value="10.24.1"' in answer.content.decode()
    assert not Package.objects.filter(modeler_version="10.24.1").exists()


def test_other_bytes_of_a_version_are_refused(
    place: Environment, operator: User, address: Address, sign_in: SignIn
) -> None:
    client = sign_in(operator)
    client.post(address("add_package", place), {"model_version": "1.5.0", "file": upload()})
    answer = client.post(address("add_package", place), {"model_version": "1.5.0", "file": upload(b"other")})

    assert answer.status_code == 409
    assert "a version never changes" in answer.content.decode()


def test_a_vault_that_is_away_is_said(place: Environment, operator: User, address: Address, sign_in: SignIn) -> None:
    client = sign_in(operator)
    client.post(address("add_package", place), {"model_version": "1.5.0", "file": upload()})
    (Path(settings.VAULT_LOCATION) / MARKER).unlink()
    answer = client.post(address("add_package", place), {"model_version": "1.6.0", "file": upload()})

    assert answer.status_code == 409
    assert "lacks its marker" in answer.content.decode()


def test_what_is_missing_is_filled_in_beforehand(
    place: Environment, operator: User, address: Address, sign_in: SignIn
) -> None:
    page = sign_in(operator).get(address("add_package", place, model_version="1.3.9", modeler_version="7.22.0"))

    assert 'value="1.3.9"' in page.content.decode()
    assert 'value="7.22.0"' in page.content.decode()


# Deploying


def test_deploying_is_for_those_who_may_operate(
    place: Environment, package: Package, developer: User, check_door: CheckDoor
) -> None:
    check_door(deploying(place, package), without=developer, wrong="put")
    check_door(deploying(place, package), without=developer, wrong="delete", method="post")
    assert not Operation.objects.exclude(requested_by__is_superuser=True).exists()


def test_another_apps_package_is_not_there(place: Environment, operator: User, sign_in: SignIn) -> None:
    assert sign_in(operator).get(deploying(place, PackageFactory())).status_code == 404


def test_it_is_said_what_happens_and_then_asked_for(
    place: Environment, package: Package, operator: User, address: Address, sign_in: SignIn
) -> None:
    client = sign_in(operator)
    said = " ".join(client.get(deploying(place, package)).content.decode().split())
    assert "Deploy 1.3.9 into Live" in said
    assert "It takes the place of 1.4.2.118." in said
    assert "the package has no file here" in said
    assert "The data was made with 1.4.2.118, which is newer." in said

    answer = client.post(deploying(place, package))
    assert answer.url == address("environment", place)
    operation = Operation.objects.get(kind="deploy")
    assert operation.requested_by == operator
    assert operation.params["package"] == package.pk
    assert client.post(deploying(place, package)).url == answer.url  # clicked twice


def test_without_a_deploy_command_it_is_said_that_only_the_record_changes(
    place: Environment, package: Package, operator: User, sign_in: SignIn
) -> None:
    Environment.objects.update(commands={"status": "false"})

    assert "only the portal’s record changes" in sign_in(operator).get(deploying(place, package)).content.decode()


def test_a_newer_package_says_what_its_start_does_to_the_data(
    place: Environment, operator: User, sign_in: SignIn
) -> None:
    backup = BackupFactory(environment=place, model_version="1.3.9")
    restore = OperationFactory(environment=place, kind="restore")
    RestoreFactory(operation=restore, backup=backup, environment=place)
    newer = PackageFactory(app=place.app, model_version="1.5.0")

    said = " ".join(sign_in(operator).get(deploying(place, newer)).content.decode().split())
    assert "The data was made with 1.3.9. When the app starts it brings the data to its own model" in said


def test_a_running_app_cannot_be_deployed_over(
    place: Environment, package: Package, operator: User, sign_in: SignIn
) -> None:
    Environment.objects.update(commands={"status": "true", "stop": "true", "deploy": "true"})
    client = sign_in(operator)
    page = " ".join(client.get(deploying(place, package)).content.decode().split())
    assert "is running. <a href=" in page
    assert 'class="button is-primary" disabled' in page

    answer = client.post(deploying(place, package))
    assert answer.status_code == 409
    assert "Stop it first; nothing was deployed" in answer.content.decode()
    assert not Operation.objects.exists()


def test_where_nobody_can_tell_a_person_has_to_say_it(
    place: Environment, package: Package, operator: User, sign_in: SignIn
) -> None:
    Environment.objects.update(commands={"deploy": "true"}, state=State.UNKNOWN)
    client = sign_in(operator)
    assert "I have stopped it" in client.get(deploying(place, package)).content.decode()

    unsaid = client.post(deploying(place, package))
    assert unsaid.status_code == 422
    assert "Stop the app, then tick this box." in unsaid.content.decode()
    assert client.post(deploying(place, package), {"is_said_stopped": "on"}).status_code == 302
    assert Operation.objects.get().params["is_said_stopped"] is True
