"""Restore: what is asked before the button, and what is refused."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User

from backups.models import Backup, Restore
from environments.models import Environment
from tests.apps import App
from tests.cast import signed_in
from tests.factories import BackupFactory, OperationFactory, PackageFactory
from tests.factories_exchange import GenerationFactory
from tests.reading import text, texts

from .conftest import Address, SignIn
from .restoring import AGREED, into, seen


def deploy(place: Environment, **versions: str) -> None:
    place.package = PackageFactory(app=place.app, **versions)
    place.save()


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        (
            {"modeler_version": "7.23.4"},
            "This backup was made under an older version It comes from modeler 7.23.3, package 1.4.2.118; Acceptance "
            "has modeler 7.23.4, package 1.4.2.118 deployed. The data can be restored, but the older model, package "
            "1.4.2.118, has to be deployed afterwards.",
        ),
        (
            {"model_version": "1.3.9"},
            "This backup was made under a newer version It comes from modeler 7.23.3, package 1.4.2.118; Acceptance "
            "has modeler 7.23.3, package 1.3.9 deployed. That older app may not understand the data",
        ),
        ({"modeler_version": ""}, "The versions cannot be compared"),
        (None, "Acceptance has no package deployed The data can be restored. A package must be deployed before"),
    ],
)
def test_another_version_warns_in_its_own_words_and_asks(
    backup: Backup,
    place: Environment,
    operator: User,
    sign_in: SignIn,
    address: Address,
    versions: dict[str, str] | None,
    said: str,
) -> None:
    if versions is None:
        Environment.objects.filter(pk=place.pk).update(package=None)
    else:
        deploy(place, **versions)
    client = sign_in(operator)
    page = client.get(into(address, backup, place))

    (question,) = [one for one in texts(page, class_="questions") if said in one]
    assert "I will deploy package 1.4.2.118 afterwards" in question
    assert "the environment's page" in question
    assert address("environment", place) in page.content.decode()

    unread = {name: value for name, value in AGREED.items() if name != "accepts_version"}
    refused = client.post(into(address, backup, place), {**unread, **seen(page)})
    assert refused.status_code == 422
    assert "Read the warning about the version" in text(refused, id="summary")
    assert "Read the warning about the version" in text(refused, id="id_accepts_version_error")
    assert client.post(into(address, backup, place), {**AGREED, **seen(page)}).status_code == 302


def test_equal_versions_ask_nothing(
    backup: Backup, place: Environment, running: App, operator: User, sign_in: SignIn, address: Address
) -> None:
    running.flag.unlink()

    page = sign_in(operator).get(into(address, backup, place))

    assert texts(page, class_="questions") == []


def test_a_running_app_asks_for_consent(
    backup: Backup, place: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    client = sign_in(operator)
    page = client.get(into(address, backup, place))
    assert "Order Desk is running in Acceptance" in text(page, class_="questions")
    assert "Then the app is stopped for the exchange and started again." in text(page, class_="questions")

    answer = client.post(into(address, backup, place), {"contents": "database", **seen(page)})

    assert answer.status_code == 422
    assert "Agree that the app is stopped" in text(answer, id="id_may_stop_app_error")
    assert b'href="#id_may_stop_app"' in answer.content
    assert b'value="database" checked' in answer.content  # what was chosen is kept
    assert not Restore.objects.exists()


def test_an_app_that_cannot_be_asked_is_said_to_be_stopped(
    backup: Backup, place: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    Environment.objects.filter(pk=place.pk).update(commands={})
    client = sign_in(operator)
    page = client.get(into(address, backup, place))
    assert "The portal cannot tell whether Order Desk runs in Acceptance" in text(page, class_="questions")

    silent = client.post(into(address, backup, place), {"contents": "full", **seen(page)})
    assert silent.status_code == 422
    assert "Stop the app, then tick this box" in text(silent, id="summary")

    asked = {"contents": "full", "is_said_stopped": "on", **seen(page)}
    assert client.post(into(address, backup, place), asked).status_code == 302
    assert Restore.objects.get().is_said_stopped


@pytest.mark.parametrize("typed", ["", "live!", "Acceptance"])
def test_production_wants_its_name(
    backup: Backup, place: Environment, operator: User, sign_in: SignIn, address: Address, typed: str
) -> None:
    Environment.objects.filter(pk=place.pk).update(is_production=True, name="Live 2")
    client = sign_in(operator)
    page = client.get(into(address, backup, place))
    assert "Live 2 is a production environment Everything entered since" in text(page, class_="questions")

    for agreed in (AGREED, {"contents": "full"}):
        answer = client.post(into(address, backup, place), {**agreed, "confirm": typed, **seen(page)})
        assert answer.status_code == 422
        assert text(answer, id="id_confirm_error")
    assert f'value="{typed}"' in answer.content.decode() or not typed
    assert not Restore.objects.exists()
    agreed = client.post(into(address, backup, place), {**AGREED, "confirm": "Live 2", **seen(page)})
    assert agreed.status_code == 302


def test_production_wants_a_fresh_proof_of_who_asks(
    backup: Backup, place: Environment, operator: User, address: Address
) -> None:
    Environment.objects.filter(pk=place.pk).update(is_production=True)

    answer = signed_in(operator, seconds_ago=3600).post(into(address, backup, place), {**AGREED, "confirm": place.name})

    assert answer["Location"].startswith("/account/proof/")
    assert not Restore.objects.exists()


def test_a_busy_target_is_told_before_the_button(
    backup: Backup, place: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    OperationFactory(environment=place, kind="stop", running=True, requested_by_name="Ines Duarte")
    client = sign_in(operator)

    page = client.get(into(address, backup, place))

    (problem,) = texts(page, class_="is-bad")[:1]
    assert problem.startswith("Acceptance is busy A stop is under way in this environment since")
    assert "asked for by Ines Duarte" in problem
    assert re.search(r'type="submit" disabled><span>Restore into', page.content.decode())
    refused = client.post(into(address, backup, place), {**AGREED, **seen(page)})
    assert refused.status_code == 409
    assert "A stop is under way" in text(refused, id="summary")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"damaged": True}, "damaged or missing"),
        ({"failed": True}, "is not Completed"),
        ({"removal_at": "2026-11-24T10:00Z"}, "is being deleted"),
    ],
)
def test_a_backup_that_cannot_be_restored_is_told(
    environment: Environment,
    place: Environment,
    operator: User,
    sign_in: SignIn,
    address: Address,
    facts: dict[str, Any],
    said: str,
) -> None:
    broken = BackupFactory(environment=environment, **facts)
    client = sign_in(operator)

    assert "Restore" not in texts(client.get(address("menu", broken)), role="menuitem")
    page = client.get(into(address, broken, place))
    assert said in texts(page, class_="is-bad")[0]
    refused = client.post(into(address, broken, place), {**AGREED, **seen(page)})
    assert refused.status_code == 409
    assert said in text(refused, id="summary")


def test_a_database_that_cannot_be_put_back_leaves_the_files(
    backup: Backup, place: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    nowhere = {"database": "postgresql://app@127.0.0.1:1/app", "database_password": ""}
    Environment.objects.filter(pk=place.pk).update(**nowhere)
    client = sign_in(operator)

    page = client.get(into(address, backup, place))
    assert "The database cannot be put back now" in texts(page, class_="is-bad")[0]
    assert b'value="files" checked' in page.content
    assert b'value="full" disabled' in page.content
    refused = client.post(into(address, backup, place), {**AGREED, "contents": "full", **seen(page)})
    assert refused.status_code == 422
    assert "Choose the uploaded files only" in text(refused, id="summary")


def test_a_stale_form_says_what_changed_and_keeps_the_answers(
    backup: Backup, place: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    client = sign_in(operator)
    page = client.get(into(address, backup, place))
    deploy(place, model_version="1.5.0.7")
    GenerationFactory(environment=place)

    stale = client.post(into(address, backup, place), {**AGREED, "contents": "files", **seen(page)})

    assert stale.status_code == 409
    words = text(stale, id="summary")
    assert "Meanwhile 1.5.0.7 (modeler 7.23.3) is deployed in Acceptance; the form had shown 1.4.2.118" in words
    assert "Meanwhile the data of Acceptance was exchanged" in words
    assert b'value="files" checked' in stale.content
    assert not Restore.objects.exists()
    assert client.post(into(address, backup, place), {**AGREED, **seen(stale)}).status_code == 302
