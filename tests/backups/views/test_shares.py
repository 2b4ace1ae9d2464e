"""Who asks for more than one person may have at once is told so at each door; nothing is left, others are served."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from backups.models import Backup, Upload
from backups.storage import spool
from environments.choices import Role, Status
from environments.models import Activity, Environment, Operation
from tests.factories import EnvironmentFactory, MembershipFactory, OperationFactory, UserFactory
from tests.reading import text

from .conftest import Address, SignIn
from .test_transfer import CONTENT, begin, written
from .test_transfer import send as send_piece
from .uploading import client, place, send, zip_of

__all__ = ["client", "place"]
pytestmark = pytest.mark.django_db
ACTIVE = "Operations of yours at work or waiting: 2, as many as one person may have at once. "
LYING = "Files of yours unfinished or not used yet: 2, as many as one person may have at once. "


@pytest.fixture
def busy(operator: User, settings: Settings) -> Operation:
    """One of the two operations that Omar may have at once."""
    settings.ACTIVE_PER_PERSON = 2
    first: Operation
    first, _ = (OperationFactory(requested_by=operator, queued=True) for _ in range(2))
    return first


@pytest.fixture
def lying(client: Client, place: Environment, settings: Settings) -> str:
    """The door of one of the two files that Omar may have here, of another environment of the app."""
    settings.UPLOADS_PER_PERSON = 2
    there = EnvironmentFactory(app=place.app, commands=place.commands)
    first, _ = (begin(client, doors(there), **meta(part)) for part in ("files", "full"))
    return first["Location"]


@pytest.fixture
def other(place: Environment, sign_in: SignIn) -> Client:
    """Another operator of the app."""
    person = UserFactory()
    MembershipFactory(app=place.app, user=person, role=Role.OPERATOR)
    return sign_in(person)


def doors(place: Environment) -> str:
    return reverse("backups:transfers", args=[place.app.slug, place.slug])


def meta(part: str) -> dict[str, str]:
    return {"Upload-Metadata": f"part {written(part)}"}


def spooled() -> int:
    return sum(not path.name.startswith(".") for path in spool.folder().iterdir())


def test_a_dialog_says_so_and_leaves_nothing(
    busy: Operation, place: Environment, client: Client, other: Client, address: Address
) -> None:
    before = Activity.objects.count()

    answer = client.post(address("create", place), {"comment": "mine"}, headers={"HX-Request": "true"})

    assert answer.status_code == 429
    assert ACTIVE + "Nothing was started; wait until one of them ends, or cancel one." in text(answer, role="alert")
    assert b"mine" in answer.content
    assert (Backup.objects.count(), Operation.objects.count(), Activity.objects.count()) == (0, 2, before)
    assert other.post(address("create", place)).status_code == 302
    Operation.objects.update(status=Status.COMPLETED)
    assert client.post(address("create", place)).status_code == 302


def test_whose_first_click_took_the_last_place_is_led_to_it(
    busy: Operation, place: Environment, client: Client, address: Address
) -> None:
    Operation.objects.filter(pk=busy.pk).update(status=Status.COMPLETED)

    answers = [client.post(address("create", place)) for _ in range(2)]

    assert [answer.headers["Location"] for answer in answers] == [address("list", place)] * 2


def test_a_file_more_is_refused_by_the_protocol_and_nothing_of_it_is_left(
    lying: str, place: Environment, client: Client, other: Client
) -> None:
    answer = begin(client, doors(place))

    assert (answer.status_code, answer["Content-Type"]) == (429, "text/plain; charset=utf-8")
    assert answer.content.decode() == LYING + "Nothing was begun. Use or remove one, then choose this file again."
    assert Upload.objects.count() == spooled() == 2
    assert begin(other, doors(place)).status_code == 201


def test_another_one_in_the_place_of_ones_own_is_not_more(lying: str, client: Client) -> None:
    there = Upload.objects.order_by("created_at")[0].environment

    assert begin(client, doors(there), **meta("files")).status_code == 201

    assert Upload.objects.count() == 2


def test_when_one_was_removed_or_used_there_is_room_again(lying: str, place: Environment, client: Client) -> None:
    assert client.delete(lying, headers={"Tus-Resumable": "1.0.0"}).status_code == 204
    assert begin(client, doors(place), **meta("files")).status_code == 201
    assert begin(client, doors(place), **meta("database")).status_code == 429

    Upload.objects.filter(part="files").update(state="used")

    assert begin(client, doors(place), **meta("full")).status_code == 201


def test_the_plain_form_shows_why_a_file_is_not_taken(
    lying: str, place: Environment, client: Client, address: Address
) -> None:
    answer = send(client, address("upload", place), zip_of("a"))

    assert answer.status_code == 429
    assert LYING in answer.content.decode()
    assert Upload.objects.count() == spooled() == 2


def test_a_file_that_cannot_be_examined_now_waits_for_its_last_piece(
    busy: Operation, place: Environment, client: Client
) -> None:
    door = begin(client, doors(place))["Location"]
    assert send_piece(client, door, 0, CONTENT[:100]).status_code == 204

    refused = send_piece(client, door, 100, CONTENT[100:])

    assert (refused.status_code, refused.content.decode().startswith(ACTIVE)) == (429, True)
    assert Upload.objects.get().received_bytes == 100
    Operation.objects.filter(pk=busy.pk).update(status=Status.COMPLETED)
    assert send_piece(client, door, 100, CONTENT[100:]).status_code == 204
    assert Operation.objects.filter(kind="examine").count() == 1


def test_of_a_plain_form_that_cannot_be_examined_now_nothing_is_left(
    busy: Operation, place: Environment, client: Client, address: Address
) -> None:
    answer = send(client, address("upload", place), zip_of("a"))

    assert answer.status_code == 429
    assert ACTIVE in answer.content.decode()
    assert Upload.objects.count() == spooled() == 0
