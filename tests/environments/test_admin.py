"""The admin's form of an environment: passwords go in and never come out, and what does not fit is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from environments import inspections
from environments.addresses import DatabaseAddress
from environments.errors import RegistrationRefused
from environments.models import Activity, Environment
from tests.factories import (
    BackupFactory,
    EnvironmentFactory,
    OperationFactory,
    PackageFactory,
    RegionStartFactory,
    UserFactory,
)

from .conftest import page, text

STORED = "s3cret"
Change = Callable[..., Any]


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords with which databases were looked at."""
    passwords: list[str] = []

    def look(environment: Environment) -> list[str]:
        passwords.append(environment.database_address.password)
        if environment.database_address.name == "gone":
            raise RegistrationRefused("The server has no database gone.")
        return ["It is a database."]

    monkeypatch.setattr(inspections, "_inspections", [("database", look)])
    return passwords


@pytest.fixture
def place(environment: Environment, tmp_path: Any, looked: list[str]) -> Environment:
    RegionStartFactory()
    environment.database_address = DatabaseAddress("127.0.0.1", 1, "shop", "shop", STORED)
    environment.files_directory = str(tmp_path)
    environment.save()
    return environment


@pytest.fixture
def change(staff: Client, place: Environment) -> Change:
    """Sends the form of the environment with some fields filled in otherwise."""

    def send(**fields: Any) -> Any:
        empty = {"services-TOTAL_FORMS": 0, "services-INITIAL_FORMS": 0, "new_password": "", "new_admin_password": ""}
        empty["new_files_secret"] = ""
        usual = {
            "name": place.name,
            "is_production": "on",
            "region": place.region.pk,
            "cloud_version": "v4",
            "is_nightly_on": "on",
            "database": place.database,
            "admin_database": "",
            "template_database": "",
            "files_directory": place.files_directory,
            "package": place.package_id,
            "commands": "{}",
        }
        return staff.post(page("environment", place.pk), {**empty, **usual, **fields}, follow=True)

    return send


def test_no_page_holds_a_stored_password(staff: Client, place: Environment) -> None:
    shown = text(staff.get(page("environment", place.pk))) + text(staff.get(page("environment")))

    assert STORED not in shown
    assert place.database_password not in shown
    assert "postgresql://shop@127.0.0.1:1/shop" in shown


def test_an_empty_password_keeps_the_stored_one(change: Change, place: Environment) -> None:
    change(name="Production")

    found = Environment.objects.get()
    assert (found.name, found.database_address.password) == ("Production", STORED)


def test_a_new_password_is_looked_at_kept_encrypted_and_never_shown(
    change: Change, place: Environment, looked: list[str]
) -> None:
    answer = change(new_password="another: word")

    found = Environment.objects.get()
    assert found.database_address.password == "another: word"
    assert looked == ["another: word"]
    assert "another: word" not in text(answer)
    assert "It is a database." in text(answer)
    assert Activity.objects.get().sentence == "Sumi Support changed Live: database password."


def test_a_password_typed_into_the_address_is_taken_out_of_it(change: Change) -> None:
    change(database="postgresql://shop:typed@127.0.0.1:1/shop")

    found = Environment.objects.get()
    assert (found.database, found.database_address.password) == ("postgresql://shop@127.0.0.1:1/shop", "typed")


def test_a_password_typed_wrongly_is_not_sent_back(change: Change, place: Environment) -> None:
    answer = change(database="postgresql://shop@127.0.0.1:1/gone", new_password="typed again")

    assert "The server has no database gone." in text(answer)
    assert "typed again" not in text(answer)
    assert Environment.objects.get().database == place.database


@pytest.mark.parametrize("address", ["postgresql://shop@10.0.0.9:1/shop", "postgresql://other@127.0.0.1:1/shop"])
def test_a_stored_password_is_never_sent_to_another_server_or_user(
    change: Change, looked: list[str], address: str
) -> None:
    """Else whoever may change an address could have the password sent to a server of their own."""
    answer = change(database=address)

    assert "type the password again" in text(answer)
    assert looked == []
    assert Environment.objects.get().database_address.host == "127.0.0.1"


def test_another_database_of_the_same_server_keeps_the_password(change: Change, looked: list[str]) -> None:
    change(database="postgresql://shop@127.0.0.1:1/shop2")

    assert looked == [STORED]
    assert Environment.objects.get().database_address.name == "shop2"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"database": "shop"}, "is not readable"),
        ({"files_directory": "/nowhere"}, "There is no directory /nowhere"),
        ({"cloud_version": "v9"}, "has no nightly start for cloud version v9"),
        ({"commands": '{"stop": "systemctl \'stop"}'}, "The stop command cannot be read"),
        ({"commands": "[1]"}, "Write {"),
        ({"commands": '{"stop": 1}'}, "Write {"),
        ({"name": ""}, "This field is required."),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(change: Change, fields: dict[str, str], said: str) -> None:
    before = Environment.objects.values().get()

    answer = change(**fields)

    assert said in text(answer).replace("&#x27;", "'").replace("&quot;", '"')
    assert Environment.objects.values().get() == before
    assert not Activity.objects.exists()


def test_a_package_of_another_app_is_refused(change: Change) -> None:
    assert "of another app" in text(change(package=PackageFactory().pk))


def test_a_maintenance_role_comes_and_goes(change: Change) -> None:
    change(admin_database="postgresql://keeper@127.0.0.1:1/shop", new_admin_password="kept")
    found = Environment.objects.get()
    assert (found.admin_address.user, found.admin_address.password) == ("keeper", "kept")  # type: ignore[union-attr]

    change(admin_database="")

    assert Environment.objects.get().admin_address is None


def test_a_database_that_is_away_does_not_keep_staff_from_other_changes(
    change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Environment) -> list[str]:
        raise RegistrationRefused("No server answers.")

    monkeypatch.setattr(inspections, "_inspections", [("database", away)])

    change(is_nightly_on="")

    assert not Environment.objects.get().is_nightly_on


def test_the_place_stays_while_work_is_under_way(change: Change, place: Environment) -> None:
    OperationFactory(environment=place, running=True)

    assert "under way" in text(change(new_password="other"))
    assert Environment.objects.get().database_address.password == STORED


def test_commands_are_for_superusers_alone(change: Change, place: Environment, client: Client) -> None:
    """They are run by the portal's own user."""
    some = UserFactory(is_staff=True)
    some.user_permissions.set(Permission.objects.filter(content_type__app_label="environments"))
    client.force_login(some)

    change(commands='{"stop": "rm -rf /"}', name="Renamed")

    found = Environment.objects.get()
    assert (found.name, found.commands) == ("Renamed", {})


def test_the_connection_is_tested_on_demand(staff: Client, place: Environment) -> None:
    gone = EnvironmentFactory(database="postgresql://app@127.0.0.1:1/gone")
    asked = {"action": "test_connection", "_selected_action": [place.pk, gone.pk]}

    answer = text(staff.post(page("environment"), asked, follow=True))

    assert "rder-desk/live: It is a database." in answer  # Django writes the first letter large
    assert f"{str(gone)[1:]}: The server has no database gone." in answer


def test_an_environment_with_backups_cannot_be_deleted(staff: Client, environment: Environment) -> None:
    BackupFactory(environment=environment)

    staff.post(reverse("admin:environments_environment_delete", args=[environment.pk]), {"post": "yes"})

    assert Environment.objects.filter(pk=environment.pk).exists()


def test_removing_a_fresh_one_is_remembered(staff: Client, environment: Environment) -> None:
    staff.post(reverse("admin:environments_environment_delete", args=[environment.pk]), {"post": "yes"})

    line = Activity.objects.get()
    assert (line.environment, line.environment_name) == (None, "order-desk/live")
    assert line.sentence == "Sumi Support removed Live from the portal."


def test_a_secret_typed_into_the_address_of_files_is_taken_out_of_it(change: Change) -> None:
    answer = change(files_directory="s3://KEY:typed@apps/shop")

    found = Environment.objects.get()
    assert (found.files_directory, found.files_address.secret) == ("s3://KEY@apps/shop", "typed")
    assert "typed" not in text(answer)


def test_the_secret_of_files_is_kept_for_the_same_key_and_typed_again_for_another(change: Change) -> None:
    change(files_directory="s3://KEY@apps/shop", new_files_secret="a secret: word")
    change(files_directory="s3://KEY@apps/other", name="Production")
    assert Environment.objects.get().files_address.secret == "a secret: word"

    answer = change(files_directory="s3://ANOTHER@apps/other")
    assert "type the secret again" in text(answer)
    assert Environment.objects.get().files_address.key == "KEY"

    answer = change(files_directory="s3://KEY@apps/other", new_files_secret="another: word")
    assert Environment.objects.get().files_address.secret == "another: word"
    assert "another: word" not in text(answer)
    assert Activity.objects.order_by("-id")[0].sentence.endswith("secret of the uploaded files' store.")
