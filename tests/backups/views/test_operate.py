"""Stop and start: who may, what is said before, what is refused, where one is led afterwards."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from environments import clock
from environments.actors import Actor
from environments.choices import State
from environments.models import Activity, Environment, Operation
from environments.operations.stop import request_stop
from tests.factories import BackupFactory, OperationFactory, PackageFactory
from tests.factories_exchange import RestoreFactory

from .conftest import Address, CheckDoor, SignIn

COMMANDS = {"status": "true", "stop": "true", "start": "true"}


@pytest.fixture(autouse=True)
def _operated(environment: Environment) -> None:
    Environment.objects.filter(pk=environment.pk).update(commands=COMMANDS, state=State.RUNNING)


@pytest.mark.parametrize("name", ["stop", "start"])
def test_the_door_is_for_those_who_may_operate(
    environment: Environment, developer: User, address: Address, check_door: CheckDoor, name: str
) -> None:
    check_door(address(name, environment), without=developer, wrong="put")
    check_door(address(name, environment), without=developer, wrong="delete", method="post")
    assert not Operation.objects.filter(kind=name).exclude(requested_by__is_superuser=True).exists()


@pytest.mark.parametrize("name", ["stop", "start"])
def test_asking_makes_an_operation_and_leads_to_the_environment(
    environment: Environment, operator: User, address: Address, sign_in: SignIn, name: str
) -> None:
    answer, again = (sign_in(operator).post(address(name, environment)) for _ in range(2))

    assert again.url == answer.url
    assert (answer.status_code, answer.url) == (302, address("environment", environment))
    operation = Operation.objects.get()
    assert (operation.kind, operation.requested_by) == (name, operator)
    assert Activity.objects.get().action == f"{name}.requested"


def test_stopping_production_says_that_it_is(
    environment: Environment, acceptance: Environment, operator: User, address: Address, sign_in: SignIn
) -> None:
    client = sign_in(operator)

    assert "This is production." in client.get(address("stop", environment)).content.decode()
    assert "This is production." not in client.get(address("stop", acceptance)).content.decode()


def test_starting_on_data_of_another_model_warns(
    environment: Environment, operator: User, address: Address, sign_in: SignIn
) -> None:
    Environment.objects.update(state=State.STOPPED)
    backup = BackupFactory(environment=environment, model_version="1.3.9")
    restore = OperationFactory(environment=environment, kind="restore")
    RestoreFactory(operation=restore, backup=backup, environment=environment)
    PackageFactory(app=environment.app, model_version="1.3.9", modeler_version=backup.modeler_version)

    said = " ".join(sign_in(operator).get(address("start", environment)).content.decode().split())

    assert "The data was made with 1.3.9." in said
    assert "Deploy 1.3.9 first to be safe." in said


def test_an_empty_environment_and_a_busy_one_are_refused_in_the_dialog(
    environment: Environment, operator: User, support: User, address: Address, sign_in: SignIn
) -> None:
    client = sign_in(operator)
    Environment.objects.update(package=None)
    empty = client.post(address("start", environment))
    assert empty.status_code == 409
    assert "Deploy a package before it can start" in empty.content.decode()

    request_stop(environment, by=Actor.person(support), is_rung=False)
    busy = client.post(address("stop", environment), headers={"HX-Request": "true"})
    assert busy.status_code == 409
    assert "A stop waits for a worker in this environment" in busy.content.decode()
    assert b"<html" not in busy.content
    assert Operation.objects.count() == 1


def test_one_returns_to_the_page_one_came_from_and_nowhere_else(
    environment: Environment, operator: User, address: Address, sign_in: SignIn, leave: Callable[[], None]
) -> None:
    client, here = sign_in(operator), environment.get_absolute_url()
    page = client.get(address("stop", environment, next=here)).content.decode()
    assert f'name="next" value="{here}"' in page
    assert client.post(address("stop", environment), {"next": here}).url == here

    leave()
    elsewhere = client.post(address("stop", environment), {"next": "https://evil.example/"})
    assert elsewhere.url == address("environment", environment)


@pytest.fixture
def leave(environment: Environment) -> Callable[[], None]:
    """Forgets what was asked for, so that it can be asked again."""
    return lambda: Operation.objects.all().delete() and None


def test_a_dialog_over_a_page_leads_on_by_script(
    environment: Environment, operator: User, address: Address, sign_in: SignIn
) -> None:
    answer = sign_in(operator).post(address("stop", environment), headers={"HX-Request": "true"})

    assert answer["HX-Redirect"] == address("environment", environment)


def test_the_end_of_what_one_watched_refreshes_the_rest_of_the_page(
    environment: Environment, operator: User, address: Address, sign_in: SignIn
) -> None:
    stopped = OperationFactory(environment=environment, kind="stop", finished_at=clock.now())
    client = sign_in(operator)
    watched = client.get(address("current", environment, watched=str(stopped.pk)), headers={"HX-Request": "true"})
    opened = client.get(address("current", environment), headers={"HX-Request": "true"})

    assert watched["HX-Trigger"] == "ended"
    assert "HX-Trigger" not in opened
