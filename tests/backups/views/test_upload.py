"""Upload Data: who may, and the first step: only while the app is stopped."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from backups.models import Upload
from environments.choices import Right
from environments.lifecycle.run import run_here
from environments.models import Environment, Operation
from tests.apps import App
from tests.factories import GrantFactory, MembershipFactory, OperationFactory, UserFactory
from tests.reading import text, texts

from .conftest import Address, CheckDoor, SignIn
from .uploading import client, place, send, zip_of

__all__ = ["client", "place"]


def test_uploading_needs_the_right(
    place: Environment, developer: User, address: Address, check_door: CheckDoor
) -> None:
    for name, method, wrong in (
        ("upload", "get", "delete"),
        ("upload", "post", "put"),
        ("upload_live", "get", "post"),
        ("upload_stop", "post", "get"),
        ("upload_said", "post", "get"),
        ("upload_confirm", "get", "delete"),
    ):
        check_door(address(name, place), without=developer, wrong=wrong, method=method)
    assert not Upload.objects.exists()


def test_the_list_leads_there(place: Environment, client: Client, developer: User, sign_in: SignIn) -> None:
    door = reverse("backups:upload", args=[place.app.slug, place.slug]).encode()

    assert door in client.get(place.get_absolute_url()).content
    assert door not in sign_in(developer).get(place.get_absolute_url()).content


def test_while_the_app_runs_there_is_nothing_but_the_stop(
    place: Environment, stopped_app: App, client: Client, address: Address
) -> None:
    stopped_app.start()

    page = client.get(address("upload", place))

    assert "Order Desk is running in Acceptance" in text(page, class_="asks")
    assert "Data can be uploaded only while the application is stopped." in text(page, class_="asks")
    assert texts(page, class_="is-primary") == ["Stop application"]
    assert b'type="file"' not in page.content
    assert client.get(address("upload_confirm", place)).url == address("upload", place)


def test_the_server_refuses_a_file_while_the_app_runs(
    place: Environment, stopped_app: App, client: Client, address: Address
) -> None:
    stopped_app.start()

    answer = send(client, address("upload", place), zip_of("a"))

    assert answer.status_code == 409
    assert "Acceptance is running. Stop it" in text(answer, class_="is-bad")
    assert not Upload.objects.exists()


def test_stopping_is_queued_shown_and_gone_on_from(
    place: Environment, stopped_app: App, client: Client, address: Address
) -> None:
    stopped_app.start()

    answer = client.post(address("upload_stop", place))

    stop = Operation.objects.get(kind="stop")
    page = client.get(answer.url)
    assert "Order Desk is being stopped in Acceptance" in text(page, class_="asks")
    assert client.get(address("upload_live", place, stopping="1")).status_code == 204
    run_here(stop)
    assert client.get(address("upload_live", place, stopping="1"))["HX-Redirect"] == address("upload", place)
    assert b'type="file"' in client.get(answer.url).content


def test_stopping_needs_the_right_to_operate_too(
    place: Environment, stopped_app: App, sign_in: SignIn, address: Address
) -> None:
    stopped_app.start()
    person = UserFactory(username="uma")
    membership = MembershipFactory(app=place.app, user=person)
    GrantFactory(environment=place, membership=membership, rights=[Right.VIEW, Right.UPLOAD])
    client = sign_in(person)

    assert "needs the right to operate" in text(client.get(address("upload", place)), class_="asks")
    assert client.post(address("upload_stop", place)).status_code == 403
    assert not Operation.objects.exists()


def test_a_busy_environment_is_not_stopped(
    place: Environment, stopped_app: App, client: Client, address: Address
) -> None:
    stopped_app.start()
    OperationFactory(environment=place, running=True, requested_by_name="Ines Duarte")

    answer = client.post(address("upload_stop", place))

    assert answer.status_code == 409
    assert "asked for by Ines Duarte" in text(answer, class_="is-bad")


def test_where_nobody_can_tell_a_person_says_so(place: Environment, client: Client, address: Address) -> None:
    place.commands = {}
    place.save()

    page = client.get(address("upload", place))
    unsaid = client.post(address("upload_said", place))
    doubted = client.post(address("upload_said", place), {"stopped": "yes"})

    assert "The portal cannot tell whether Order Desk runs in Acceptance" in text(page, class_="asks")
    assert (unsaid.status_code, text(unsaid, class_="is-bad")) == (422, "Stop the application, then tick the box.")
    assert doubted.status_code == 409  # its database does not answer, so nothing is believed
    assert b'type="file"' not in doubted.content


@pytest.mark.django_db(transaction=True)
def test_what_a_person_says_is_believed_and_carried_along(
    target: Environment, support: User, sign_in: SignIn, address: Address
) -> None:
    target.commands = {}
    target.save()
    client = sign_in(support)

    answer = client.post(address("upload_said", target), {"stopped": "yes"})

    assert answer.url == address("upload", target, stopped="yes")
    page = client.get(answer.url)
    assert "Stopped, as you said" in text(page, class_="stepper")
    assert b'type="file"' in page.content
    sent = send(client, address("upload", target, stopped="yes"), zip_of("a"))
    assert sent.url == address("upload", target, stopped="yes")
