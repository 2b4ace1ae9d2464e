"""The Environment page: what it says in every state, to whom, and that no secret is on it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backups.operations.deploy import deployed_in
from environments import clock
from environments.actors import Actor
from environments.addresses import DatabaseAddress
from environments.choices import State
from environments.files_address import FilesAddress
from environments.models import Environment
from tests.factories import (
    AppServiceFactory,
    BackupFactory,
    OperationFactory,
    PackageFactory,
    RegionStartFactory,
)
from tests.factories_exchange import RestoreFactory
from tests.reading import text, texts

from .conftest import Address, CheckDoor, SignIn

COMMANDS = {"status": "true", "stop": "true", "start": "true", "deploy": "true --token=s3cret-token"}


@pytest.fixture(autouse=True)
def forgotten() -> None:
    cache.clear()


@pytest.fixture
def set_state(environment: Environment) -> Callable[..., None]:
    """Lets the environment be in this state, asked a moment ago."""

    def say(state: str, commands: dict[str, str] = COMMANDS, **facts: Any) -> None:
        moment = clock.now()
        facts |= {"state": state, "commands": commands, "state_at": moment}
        facts.setdefault("state_since", moment - timedelta(hours=3))
        Environment.objects.filter(pk=environment.pk).update(**facts)

    return say


def buttons(page: Any) -> list[str]:
    return [words for words in texts(page, class_="button") if words.endswith("application")]


@pytest.mark.parametrize("name", ["environment", "environment_live", "environment_database"])
def test_every_member_may_look_and_nobody_else(
    environment: Environment, viewer: User, address: Address, check_door: CheckDoor, sign_in: SignIn, name: str
) -> None:
    check_door(address(name, environment))
    assert sign_in(viewer).get(address(name, environment)).status_code == 200


@pytest.mark.parametrize(
    ("state", "word", "offered", "said"),
    [
        (State.RUNNING, "Running", ["Stop application"], "ends all sessions"),
        (State.STOPPED, "Stopped", ["Start application"], "through its status command"),
        (State.EMPTY, "Empty", [], "needs a deployed package"),
        (State.UNKNOWN, "Unknown", ["Start application", "Stop application"], "I have stopped it"),
    ],
)
def test_every_state_says_what_can_be_done(
    environment: Environment,
    operator: User,
    sign_in: SignIn,
    address: Address,
    set_state: Callable[..., None],
    state: State,
    word: str,
    offered: list[str],
    said: str,
) -> None:
    set_state(state, **({"package": None} if state == State.EMPTY else {}))
    page = sign_in(operator).get(address("environment", environment))

    shown = text(page, id="state")
    assert shown.startswith(f"{word} since ")
    assert said in shown
    assert buttons(page) == offered


def test_where_nobody_can_be_asked_people_are_told_to_do_it_themselves(
    environment: Environment, operator: User, sign_in: SignIn, address: Address, set_state: Callable[..., None]
) -> None:
    set_state(State.UNKNOWN, {})
    page = sign_in(operator).get(address("environment", environment))

    shown = text(page, id="state")
    assert "no status command is registered" in shown
    assert "is yours to do" in shown
    assert buttons(page) == []


def test_whoever_may_only_look_finds_no_button(
    environment: Environment, developer: User, sign_in: SignIn, address: Address, set_state: Callable[..., None]
) -> None:
    set_state(State.RUNNING)
    PackageFactory(app=environment.app, model_version="1.3.9")
    page = sign_in(developer).get(address("environment", environment))

    assert texts(page, class_="button") == []
    assert "1.3.9" in text(page, id="packages")


def test_while_something_runs_there_is_nothing_to_press(
    environment: Environment, operator: User, sign_in: SignIn, address: Address, set_state: Callable[..., None]
) -> None:
    set_state(State.RUNNING)
    PackageFactory(app=environment.app, model_version="1.3.9")
    OperationFactory(environment=environment, kind="stop", queued=True)
    page = sign_in(operator).get(address("environment", environment))

    assert texts(page, class_="button") == ["Add package"]
    assert "A stop is under way or waits." in text(page, id="state")


def test_no_secret_is_shown(
    environment: Environment, technical_contact: User, sign_in: SignIn, address: Address, set_state: Callable[..., None]
) -> None:
    environment.database_address = DatabaseAddress("127.0.0.1", 1, "orders", "desk", "s3cret/pass")
    environment.admin_address = DatabaseAddress("127.0.0.1", 1, "orders", "keeper", "s3cret-admin")
    environment.save()
    set_state(State.RUNNING, COMMANDS | {"stop": "stop --password s3cret-stop"})
    client = sign_in(technical_contact)

    for name in ("environment", "environment_live", "environment_database", "stop", "start"):
        content = client.get(address(name, environment)).content.decode()
        assert "s3cret" not in content
        assert environment.database_password not in content
    page = client.get(address("environment", environment)).content.decode()
    assert "orders on 127.0.0.1:1" in page
    assert "as desk" in page


def test_packages_say_whether_they_fit_and_when_they_were_here(
    environment: Environment, operator: User, sign_in: SignIn, address: Address, set_state: Callable[..., None]
) -> None:
    set_state(State.RUNNING)
    older = PackageFactory(app=environment.app, model_version="1.3.9")
    PackageFactory(app=environment.app, model_version="1.5.0")
    PackageFactory(model_version="6.6.6")
    with clock.turned_to(clock.now().replace(year=2025, month=3, day=4, hour=6, minute=7)):
        deployed_in(environment, older, by=Actor("Maren Holt", "person"))
    set_state(State.RUNNING, package=PackageFactory(app=environment.app))
    page = sign_in(operator).get(address("environment", environment))

    rows = text(page, id="packages").split("Actions ")[1].split(" without a file ")
    assert text(page, id="packages").count("6.6.6") == 0
    assert rows[1].endswith("fits the data Deployed – deployed 1.5.0")
    assert rows[2].endswith("newer than the data Deployed – Deploy 1.5.0, modeler 7.23.3 1.3.9")
    assert "older than the data Deployed 2025-03-04 06:07 UTC Maren Holt Deploy 1.3.9" in rows[3]


def test_after_a_restore_the_package_that_fits_stands_beside_it(
    environment: Environment, operator: User, sign_in: SignIn, address: Address, set_state: Callable[..., None]
) -> None:
    set_state(State.STOPPED)
    backup = BackupFactory(environment=environment, model_version="1.3.9", modeler_version="7.22.0")
    restore = OperationFactory(environment=environment, kind="restore", subject=backup.pk)
    RestoreFactory(operation=restore, backup=backup, environment=environment)
    client = sign_in(operator)

    missing = text(client.get(address("environment", environment)), id="packages")
    assert "made with 1.3.9 (modeler 7.22.0); 1.4.2.118 is deployed" in missing
    assert "1.3.9 is not registered. Add it" in missing
    PackageFactory(app=environment.app, model_version="1.3.9", modeler_version="7.22.0")
    page = client.get(address("environment", environment))
    assert "Deploy 1.3.9, then start the app." in text(page, id="packages")
    assert "Deploy 1.3.9" in texts(page, class_="button")


def test_many_packages_are_cut_and_can_all_be_seen(
    environment: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    for number in range(30):
        PackageFactory(app=environment.app, model_version=f"2.{number}")
    client = sign_in(operator)
    with CaptureQueriesContext(connection) as first:
        page = client.get(address("environment", environment))
    assert len(texts(page, class_="c-name")) == 21
    assert "All 31 packages" in text(page, id="packages")

    with CaptureQueriesContext(connection) as all_of_them:
        page = client.get(address("environment", environment, packages="all"))
    assert len(texts(page, class_="c-name")) == 31
    assert len(all_of_them) <= len(first)


def test_services_places_and_nights(environment: Environment, viewer: User, sign_in: SignIn, address: Address) -> None:
    RegionStartFactory()
    AppServiceFactory(environment=environment, name="Orders <b>")
    AppServiceFactory(environment=environment, name="Prices", is_published=False)
    BackupFactory(environment=environment)
    client = sign_in(viewer)
    page = client.get(address("environment", environment))

    assert "1 of 2 published" in text(page, id="services")
    assert "Orders <b> 1.0.0 Published Prices 1.0.0 Not published" in text(page, id="services")
    assert "Europe, cloud v4. Production." in text(page, class_="heading")
    shown = " ".join(texts(page, class_="facts-card"))
    assert "/nowhere" in shown
    assert "Last good 5 hours ago" in shown
    assert "19:00 UTC" in shown
    Environment.objects.update(is_nightly_on=False)
    assert "Nightly off" in " ".join(texts(client.get(address("environment", environment)), class_="facts-card"))


def test_an_open_page_asks_the_app_but_not_all_the_time(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address, set_state: Callable[..., None]
) -> None:
    set_state(State.STOPPED)
    client = sign_in(viewer)
    fresh = client.get(address("environment_live", environment))
    assert text(fresh, id="state").startswith("Stopped")

    Environment.objects.update(state_at=clock.now() - timedelta(minutes=1))
    asked = client.get(address("environment_live", environment))
    assert text(asked, id="state").startswith("Running")
    environment.refresh_from_db()
    assert environment.state == State.RUNNING


def test_the_servers_answer_says_what_can_be_put_back(
    make_place: Callable[..., Environment], support: User, sign_in: SignIn, address: Address
) -> None:
    place = make_place("CREATE TABLE orders (id int)")
    client = sign_in(support)
    part = client.get(address("environment_database", place), headers={"HX-Request": "true"}).content.decode()

    assert "PostgreSQL 17." in part
    assert "1 table" in part
    assert "no maintenance role is registered" in " ".join(part.split())
    assert "<html" not in part
    whole = client.get(address("environment_database", place))
    assert "What can be put back into" in text(whole, class_="heading").replace(place.app.name, "")


def test_a_server_that_does_not_answer_is_said(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    page = sign_in(viewer).get(address("environment_database", environment))

    assert "No server answers at 127.0.0.1:1" in page.content.decode()


def test_a_bucket_of_uploaded_files_is_shown_without_its_secret(
    environment: Environment, operator: User, address: Address, sign_in: SignIn
) -> None:
    environment.files_address = FilesAddress.parse("s3://KEY:s3cret-word@apps/shop?endpoint=https://s3.example.org")
    environment.save()
    shown = sign_in(operator).get(address("environment", environment)).content.decode()
    assert "shop in the bucket apps<small>at https://s3.example.org</small>" in shown
    assert "s3cret-word" not in shown
    assert environment.files_secret not in shown
