"""Register: made or changed as said; what is refused is said and changes nothing."""

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from environments import inspections
from environments.choices import State
from environments.errors import AddressNotReadable, InvitationRefused, RegistrationRefused
from environments.models import Activity, App, Environment, Package
from environments.operations.register import Wishes, register
from tests.factories import AppFactory, EnvironmentFactory, PackageFactory

from .conftest import BY, URL, Say, elsewhere, everything, refusal_of


def test_a_new_environment_is_as_said_and_else_as_usual(say: Say, files: str) -> None:
    registered = say(is_production=True, model_version="1.4", modeler_version="7.23.3", services=[("Orders", "2.0")])

    environment = Environment.objects.get()
    assert registered.is_new
    assert registered.remarks == ["It is a database."]
    assert (str(environment), environment.name, environment.app.name) == ("order-desk/live", "Live", "Order Desk")
    assert (environment.region.slug, environment.cloud_version) == ("europe", "v4")
    assert (environment.is_production, environment.is_nightly_on) == (True, True)
    assert (environment.files_directory, environment.database_address.password) == (files, "s3cret")
    assert "s3cret" not in environment.database
    assert (environment.package.model_version, environment.package.modeler_version) == ("1.4", "7.23.3")  # type: ignore[union-attr]
    service = environment.services.get()  # type: ignore[attr-defined]
    assert (service.name, service.version, service.is_published) == ("Orders", "2.0", True)
    assert Activity.objects.get().sentence == "Command line (root) registered Live."


def test_what_is_not_said_stays_as_it_is(say: Say) -> None:
    say(is_production=True, region="asia-pacific", commands={"status": "true", "stop": "a b"}, model_version="1.4")
    before = Environment.objects.values().get()

    registered = register("order-desk/live", Wishes(is_nightly_on=False), by=BY)

    after = Environment.objects.values().get()
    changed = {name for name in after if after[name] != before[name]} - {"state_at", "nightly_since"}
    assert changed == {"is_nightly_on"}
    assert not registered.is_new
    assert Activity.objects.first().sentence == "Command line (root) changed Live: nightly backups."  # type: ignore[union-attr]


def test_registering_the_same_again_changes_and_tells_nothing(say: Say) -> None:
    say(admin_database=URL.replace("shop:", "keeper:"), services=[("Orders", "2.0")], model_version="1.4")
    before = everything()

    say(admin_database=URL.replace("shop:", "keeper:"), services=[("Orders", "2.0")], model_version="1.4")

    assert [one | {"state_at": 0} for one in everything()] == [one | {"state_at": 0} for one in before]


def test_each_change_is_told_without_its_secrets(say: Say, tmp_path: Path) -> None:
    say()
    (tmp_path / "other").mkdir()

    say(
        database=URL.replace("s3cret", "s3cret2"),
        files=str(tmp_path / "other"),
        admin_database=URL.replace("shop:", "keeper:"),
        services=[("Orders", "2.0")],
        model_version="2",
    )

    sentence = Activity.objects.order_by("-id")[0].sentence
    for word in ("database password", "files directory", "maintenance role", "services", "package"):
        assert word in sentence
    assert "s3cret" not in sentence


def test_the_database_is_looked_at_when_it_is_said_and_left_alone_otherwise(say: Say, seen: list[Environment]) -> None:
    say()
    assert len(seen) == 1

    register("order-desk/live", Wishes(is_nightly_on=False), by=BY)
    assert len(seen) == 1

    register("order-desk/live", Wishes(template_database="empty"), by=BY)
    assert len(seen) == 2


def test_empty_words_take_away(say: Say) -> None:
    say(admin_database=URL.replace("shop:", "keeper:"), template_database="empty", commands={"stop": "x", "start": "y"})

    register("order-desk/live", Wishes(admin_database="", template_database="", commands={"stop": ""}), by=BY)

    environment = Environment.objects.get()
    assert (environment.admin_address, environment.template_database) == (None, "")
    assert environment.commands == {"start": "y"}


def test_a_version_that_is_not_said_is_the_current_ones(say: Say) -> None:
    say(model_version="1.4", modeler_version="7.23")
    say(model_version="1.5")
    say(modeler_version="7.24")

    assert list(Package.objects.order_by("pk").values_list("model_version", "modeler_version")) == [
        ("1.4", "7.23"),
        ("1.5", "7.23"),
        ("1.5", "7.24"),
    ]
    assert "needs a model version" in refusal_of(lambda: elsewhere(say, modeler_version="1"))


def test_an_app_is_made_once_for_all_its_environments(say: Say) -> None:
    say()
    elsewhere(say)

    assert App.objects.count() == 1
    assert Environment.objects.count() == 2


@pytest.mark.parametrize("made", ["app", "package", "environment"])
def test_what_somebody_else_makes_at_the_same_moment_is_not_made_twice(
    say: Say, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    """What is looked for first is made while the database is looked at."""

    def meanwhile(environment: Environment) -> list[str]:
        app = AppFactory(slug="order-desk")
        if made == "package":
            PackageFactory(app=app, model_version="1.4", modeler_version="")
        if made == "environment":
            EnvironmentFactory(app=app, slug="live", package=None)
        return []

    monkeypatch.setattr(inspections, "_inspections", [("database", meanwhile)])
    if made == "environment":
        with pytest.raises(RegistrationRefused, match="at the same moment"):
            say(model_version="1.4")
    else:
        assert str(say(model_version="1.4").environment) == "order-desk/live"

    assert (App.objects.count(), Environment.objects.count()) == (1, 1)
    assert Package.objects.count() == (made != "environment")


def test_the_runtime_is_asked_at_once(say: Say) -> None:
    say(model_version="1", commands={"status": "true"})
    assert Environment.objects.get().state == State.RUNNING

    say(commands={"status": "false"})
    assert Environment.objects.get().state == State.STOPPED


@pytest.mark.parametrize("name", ["live", "a/b/c", "/live", "order-desk/", "order desk/live", "../x", "a/" + "x" * 61])
def test_a_name_that_cannot_stand_in_an_address_is_refused(say: Say, name: str) -> None:
    assert "write app/environment" in refusal_of(lambda: say(name))


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"database": None}, "needs a database and a files directory"),
        ({"files": None}, "needs a database and a files directory"),
        ({"database": "mysql://x"}, "is not readable"),
        ({"admin_database": "mysql://x"}, "is not readable"),
        ({"database": URL.replace("/shop", "/gone")}, "has no database gone"),
        ({"region": "mars"}, "There is no region 'mars'; known are asia-pacific, europe"),
        ({"region": "asia-pacific", "cloud_version": "v3"}, "Asia Pacific has no nightly start for cloud version v3"),
        ({"cloud_version": "v9"}, "Europe has no nightly start for cloud version v9; it has v3 and v4"),
        ({"commands": {"stop": "systemctl 'stop"}}, "The stop command cannot be read"),
        ({"commands": {"explode": "now"}}, "There is no command 'explode'"),
        ({"commands": {"stop": "  "}}, "The stop command is empty"),
        ({"modeler_version": "7"}, "A modeler version needs a model version"),
        ({"model_version": "1" * 61}, "A version has at most 60 characters"),
        ({"contact": "nobody"}, "is no mail address"),
        ({"files": "files"}, "is no absolute path"),
        ({"files": "/nowhere/at/all"}, "There is no directory /nowhere/at/all"),
        ({"files": "/etc/passwd"}, "/etc/passwd is no directory"),
        ({"files": "/"}, "overlap"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_sentence(say: Say, wishes: dict[str, Any], said: str) -> None:
    assert said in refusal_of(lambda: say(**wishes))


def test_errors_tell_their_kind(say: Say) -> None:
    for wishes, error in (
        ({"database": "mysql://x"}, AddressNotReadable),
        ({"region": "mars"}, RegistrationRefused),
        ({"contact": "nobody"}, InvitationRefused),
    ):
        with pytest.raises(error):
            say(**wishes)


def test_an_environment_that_was_removed_comes_back_with_its_backups(say: Say) -> None:
    environment = say().environment
    Environment.objects.update(deleted_at=timezone.now())

    say()

    assert Environment.objects.live().get() == environment


def test_a_lost_key_does_not_stand_in_the_way_of_a_new_password(say: Say, settings: Settings) -> None:
    say()
    settings.SECRETS_KEYS = ["mOVoBtrcWJcTPvQ5GJ3kG8CTF7ZBVr1OvUFI8S2X6xk="]

    say()

    assert Environment.objects.get().database_address.password == "s3cret"
